"""A training run's folder: checkpoints that are whole or absent, and a log of JSON lines."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import torch


class Run:
    """The folder of one run. Every stage keeps its checkpoint under its own name."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def log(self, stage: str, **fields: Any) -> None:
        """Append a line to log.jsonl and show it."""
        rounded = {k: float(f"{v:.5g}") if isinstance(v, float) else v for k, v in fields.items()}
        line = json.dumps({"time": round(time.time(), 1), "cpu_seconds": round(time.process_time()),
                           "stage": stage, **rounded})
        with open(self.folder / "log.jsonl", "a", encoding="utf-8") as log:
            log.write(line + "\n")
        print(line, flush=True)

    def save(self, name: str, state: dict[str, Any]) -> None:
        """Write a checkpoint; a kill at any moment leaves the old or the new one."""
        path = self.folder / f"{name}.pt"
        part = path.with_suffix(".part")
        with open(part, "wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)

    def load(self, name: str) -> dict[str, Any] | None:
        path = self.folder / f"{name}.pt"
        return torch.load(path, weights_only=True) if path.exists() else None


class Pace:
    """Says when another few minutes have gone by."""

    def __init__(self, seconds: float):
        self.seconds = seconds
        self.last = time.monotonic()

    def due(self) -> bool:
        if time.monotonic() - self.last < self.seconds:
            return False
        self.last = time.monotonic()
        return True


class Average:
    """A running mean of the last few hundred values of several quantities."""

    def __init__(self, keep: float = 0.99):
        self.keep = keep
        self.values: dict[str, float] = {}

    def add(self, **values: float) -> None:
        for name, value in values.items():
            self.values[name] = self.keep * self.values.get(name, value) + (1 - self.keep) * value
