"""Goldens of the shipped weights: diffusers' frames, small enough to be kept.

A golden is a case of auteur-trace, `NAME.json`, and `NAME.safetensors` with every fourth pixel in
both directions (another one of the sixteen in each frame), and the picture that the case is given.
Needs numpy only.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np

BOUND = 1e-3  # of pixels in 0 … 1, fp32
EVERY = 4
TYPES = {"F32": np.float32, "U8": np.uint8}


def sampled(frames: np.ndarray) -> np.ndarray:
    """(T, height, width, 3) to (T, height / 4, width / 4, 3): sixteen frames touch each pixel."""
    return np.stack([frame[t % EVERY::EVERY, t // EVERY % EVERY::EVERY]
                     for t, frame in enumerate(frames)])


def weights_hash(model: Path) -> str:
    """One hash of all that decides a folder's frames: weights, tokenizer, configs."""
    lines = [f"{path.relative_to(model)} {hashlib.sha256(path.read_bytes()).hexdigest()}\n"
             for path in [model / "model_index.json", *sorted(model.glob("*/*"))]]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def read_tensors(path: Path) -> dict[str, np.ndarray]:
    """A safetensors file of our own making."""
    data = path.read_bytes()
    begin = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:begin])
    header.pop("__metadata__", None)
    return {name: np.frombuffer(data[begin + entry["data_offsets"][0]:
                                     begin + entry["data_offsets"][1]],
                                TYPES[entry["dtype"]]).reshape(entry["shape"])
            for name, entry in header.items()}
