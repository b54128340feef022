"""The model through the engine: one auteur-generate per clip, frames as arrays.

What is not said on the command line comes from the model's folder, as it does in a film: size and
frames from the manifest, steps and guidance from a tier of it, the flow's shift from the scheduler.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

TIMEOUT = 1800  # seconds of one program; a bound for a machine that is very busy


class EngineError(Exception):
    """A program of auteur failed; says which and what it wrote."""


def run_program(command: list[str], timeout: int = TIMEOUT) -> bytes:
    """A program's standard output; raises EngineError when it fails."""
    try:
        done = subprocess.run(command, capture_output=True, timeout=timeout, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineError(str(error)) from error
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()[-2000:]
        raise EngineError(f"{' '.join(command)}\nended with {done.returncode}: {said}")
    return done.stdout


def read_clip(path: Path, width: int, height: int) -> np.ndarray:
    """The frames of a lossless clip: uint8 (T, height, width, 3)."""
    raw = run_program(["ffmpeg", "-v", "error", "-threads", "1", "-i", str(path), "-f", "rawvideo",
                       "-pix_fmt", "rgb24", "-"])
    if not raw or len(raw) % (width * height * 3):
        raise EngineError(f"{path} has no whole frames of {width}x{height}")
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)


def write_png(path: Path, frame: np.ndarray) -> None:
    """uint8 (height, width, 3), losslessly."""
    def chunk(name: bytes, data: bytes) -> bytes:
        return (struct.pack(">I", len(data)) + name + data
                + struct.pack(">I", zlib.crc32(name + data)))

    height, width = frame.shape[:2]
    rows = np.concatenate((np.zeros((height, 1), np.uint8), frame.reshape(height, -1)), 1)
    path.write_bytes(b"\x89PNG\r\n\x1a\n"
                     + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
                     + chunk(b"IDAT", zlib.compress(rows.tobytes())) + chunk(b"IEND", b""))


@dataclass(frozen=True)
class Sampling:
    """How clips are denoised; None is what the tier or the folder says."""

    tier: str = "draft"
    steps: int | None = None
    guidance: float | None = None
    flow_shift: float | None = None


@dataclass(frozen=True)
class Engine:
    """The programs in `bin` and a model's folder."""

    bin: Path
    model: Path
    manifest: dict[str, Any]
    sampling: Sampling

    @classmethod
    def open(cls, bin_: Path, model: Path, sampling: Sampling) -> Engine:
        manifest = json.loads((model / "model.json").read_text(encoding="utf-8"))
        if sampling.tier not in manifest["auteur"]["tiers"]:
            raise EngineError(f"{model}/model.json has no tier {sampling.tier}")
        return cls(bin_.resolve(), model.resolve(), manifest, sampling)

    @property
    def video(self) -> dict[str, Any]:
        return self.manifest["auteur"]["video"]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        width, height = self.video["size"]["default"]
        return width, height

    @property
    def steps(self) -> int:
        return self.sampling.steps or self.manifest["auteur"]["tiers"][self.sampling.tier]["steps"]

    @property
    def guidance(self) -> float:
        if self.sampling.guidance is not None:
            return self.sampling.guidance
        return self.manifest["auteur"]["tiers"][self.sampling.tier]["guidance"]

    @property
    def flow_shift(self) -> float:
        if self.sampling.flow_shift is not None:
            return self.sampling.flow_shift
        config = json.loads((self.model / "scheduler" / "scheduler_config.json").read_text())
        return config["flow_shift"]

    def generate(self, prompt: str, seed: int, picture: np.ndarray | None = None) -> np.ndarray:
        """A clip's frames; `picture`, uint8 (height, width, 3), is its first frame."""
        width, height = self.size
        with tempfile.TemporaryDirectory(prefix="auteur-mini-") as folder:
            clip, image = Path(folder) / "clip.mkv", Path(folder) / "first.png"
            command = [str(self.bin / "auteur-generate"), "--model", str(self.model),
                       "--prompt", prompt, "--seed", str(seed), "--width", str(width),
                       "--height", str(height), "--frames", str(self.video["frames"]["max"]),
                       "--steps", str(self.steps), "--guidance", str(self.guidance),
                       "--flow-shift", str(self.flow_shift), "--threads", "1", "-o", str(clip)]
            if picture is not None:
                write_png(image, picture)
                command += ["--image", str(image)]
            run_program(command)
            return read_clip(clip, width, height)


@contextmanager
def quiet_environment() -> Iterator[None]:
    """Nothing of the user is used or written: no broker, state, keys, models or caches."""
    for name in ("BROKER", "STATE", "MODELS", "KEYS"):
        os.environ.pop(f"AUTEUR_{name}", None)
    with tempfile.TemporaryDirectory(prefix="auteur-mini-") as folder:
        for name in ("STATE", "CONFIG", "CACHE"):
            os.environ[f"XDG_{name}_HOME"] = f"{folder}/{name.lower()}"
        os.environ["HF_HUB_CACHE"] = f"{folder}/no-hub"
        yield
