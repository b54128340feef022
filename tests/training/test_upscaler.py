#!/usr/bin/env python3
"""What auteur-upscale-x4 is trained on, and how: by hand, with requirements.txt of
models/training-upscaler installed.

    python tests/training/test_upscaler.py
"""

from __future__ import annotations

import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "models" / "training-upscaler"))
from upscaler.degrade import SCALE, degrade, lanczos  # noqa: E402
from upscaler.draw import frame  # noqa: E402
from upscaler.measure import enlarged, psnr  # noqa: E402
from upscaler.network import SRVGGNetCompact, begin_as_bicubic  # noqa: E402
from upscaler.pool import Pool  # noqa: E402


class Frames(unittest.TestCase):
    def test_a_seed_is_a_frame(self) -> None:
        np.testing.assert_array_equal(frame(3, 64), frame(3, 64))
        self.assertFalse(np.array_equal(frame(3, 64), frame(4, 64)))

    def test_degraded_is_a_quarter_and_worse(self) -> None:
        true = frame(5, 128)
        small = degrade(np.random.default_rng(1), true)
        self.assertEqual(small.shape, (32, 32, 3))
        self.assertLess(psnr(lanczos(small), true), 45)

    def test_a_step_decides_its_batch(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            one, other = Pool(Path(folder) / "a", 1), Pool(Path(folder) / "b", 1)
            one.grow(8)  # a run that went on, and one that was started there
            for a, b in zip(one.batch(8, 2, 16), other.batch(8, 2, 16), strict=True):
                np.testing.assert_array_equal(a, b)
            self.assertFalse(np.array_equal(one.batch(8, 2, 16)[0], one.batch(9, 2, 16)[0]))


class Beginning(unittest.TestCase):
    def test_it_is_bicubic(self) -> None:
        torch.manual_seed(1)
        model = SRVGGNetCompact(32, 8, SCALE)
        begin_as_bicubic(model)
        small = degrade(np.random.default_rng(2), frame(7, 128))
        size = (small.shape[1] * SCALE, small.shape[0] * SCALE)
        cubic = np.asarray(Image.fromarray(small).resize(size, Image.Resampling.BICUBIC))
        cut = slice(3 * SCALE, -3 * SCALE)  # Pillow repeats edges, the model has zeros there
        self.assertGreater(psnr(enlarged(model, small)[cut, cut], cubic[cut, cut]), 40)


if __name__ == "__main__":
    unittest.main()
