"""Drawn frames, kept as PNG in the run's folder: drawing one takes as long as a training step.

The pool grows while training runs. What a step sees is decided by the step's number alone, so a run
that was stopped goes on as if it had not been.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from .degrade import SCALE, degrade
from .draw import frame

FIRST, MOST, EVERY = 32, 600, 8  # frames at step 0, at the end, steps until one more
HELD_OUT = 10_000_000  # seeds from here on are never trained on


class Pool:
    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seed = folder, seed
        self.frames: list[np.ndarray] = []
        folder.mkdir(parents=True, exist_ok=True)

    def grow(self, step: int) -> int:
        """Brings the pool to its size at `step`, and returns that."""
        want = min(MOST, FIRST + step // EVERY)
        while len(self.frames) < want:
            index = len(self.frames)
            path = self.folder / f"{self.seed}-{index:04}.png"
            if not path.exists():
                Image.fromarray(frame(self.seed * 100_000 + index)).save(path, compress_level=1)
            self.frames.append(np.asarray(Image.open(path)))
        return want

    def crop(self, rng: np.random.Generator, size: int, edge: int) -> np.ndarray:
        """The busier of two places, as most of a frame is calm."""
        places = []
        for _ in range(2):
            whole = self.frames[rng.integers(size)]
            y, x = rng.integers(0, whole.shape[0] - edge + 1, 2)
            places.append(whole[y:y + edge, x:x + edge])
        return max(places, key=lambda crop: float(crop[::4, ::4].std()))

    def batch(self, step: int, count: int, side: int) -> tuple[np.ndarray, np.ndarray]:
        """`count` crops: small (count, side, side, 3) and large (4 times the side), uint8."""
        size = self.grow(step)
        rng = np.random.default_rng([self.seed, step])
        small, large = [], []
        for _ in range(count):
            crop = self.crop(rng, size, side * SCALE)
            crop = np.rot90(crop, rng.integers(4))
            if rng.random() < 0.5:
                crop = crop[:, ::-1]
            crop = crop[..., rng.permutation(3)]
            large.append(crop)
            small.append(degrade(rng, np.ascontiguousarray(crop)))
        return np.stack(small), np.stack(large)
