#!/usr/bin/env python3
"""Tests of what trains auteur-mini: the lean forward, the loss, checkpoints.

They need torch and diffusers, and are skipped without.

    python -m unittest discover tests/training
"""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "models" / "training"))

try:
    import torch
except ImportError:
    torch = None


@unittest.skipIf(torch is None, "needs torch")
class Flow(unittest.TestCase):
    def test_the_lean_forward_is_the_transformers(self):
        """Timesteps per frame and 512 rows of text: as diffusers computes them."""
        from mini.flow import ROWS, empty_rows, rope_table, velocity
        from mini.networks import TransformerSize, build_transformer
        torch.manual_seed(0)
        model = build_transformer(TransformerSize(2, 32, 2, 96))
        with torch.no_grad():
            for p in model.parameters():
                p.add_(0.05 * torch.randn_like(p))
            x = torch.randn(2, 16, 5, 8, 12)
            times = torch.tensor([[0.0, 0, 700, 700, 700], [300.0] * 5])
            text = torch.zeros(2, 512, 128)
            text[0, :12], text[1, 0] = torch.randn(12, 128), torch.randn(128)
            lean = velocity(model, x, times, text[:, :ROWS], rope_table(model, 5, 8, 12),
                            empty_rows())
            whole = model(hidden_states=x, timestep=times.repeat_interleave(24, 1),
                          encoder_hidden_states=text, return_dict=False)[0]
        self.assertLess(float((lean - whole).abs().max()), 1e-5)

    def test_given_frames_are_out_of_the_loss(self):
        from mini.transformer import flow_loss
        latents, noise = torch.randn(2, 16, 5, 8, 12), torch.randn(2, 16, 5, 8, 12)
        wrong_in_first = noise - latents
        wrong_in_first[:, :, 0] += 100
        known, sigma = torch.tensor([1, 0]), torch.tensor([0.5, 0.5])
        loss = flow_loss(lambda *_: wrong_in_first, None, latents, torch.zeros(2, 5, 8, 12), None,
                         sigma, known, noise, None)
        self.assertAlmostEqual(float(loss[0]), 0, places=5)
        self.assertGreater(float(loss[1]), 1000)


@unittest.skipIf(torch is None, "needs torch")
class Checkpoints(unittest.TestCase):
    def test_a_checkpoint_is_replaced_whole(self):
        import tempfile

        from mini.state import Run
        with tempfile.TemporaryDirectory() as folder:
            run = Run(Path(folder))
            self.assertIsNone(run.load("x"))
            run.save("x", {"step": 1})
            run.save("x", {"step": 2})
            self.assertEqual(run.load("x"), {"step": 2})
            self.assertEqual([p.name for p in Path(folder).iterdir()], ["x.pt"])


if __name__ == "__main__":
    unittest.main()
