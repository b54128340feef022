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

    def test_a_familys_common_error_counts_once_and_its_own_more(self):
        """An error that all members share is no shape; the same error in one of them is."""
        from mini.transformer import SHAPE_WEIGHT, flow_loss
        latents, noise = torch.randn(8, 16, 5, 8, 12), torch.randn(8, 16, 5, 8, 12)
        known, sigma = torch.zeros(8, dtype=torch.long), torch.full((8,), 0.8)

        def loss_of(error):
            return flow_loss(lambda *_: noise - latents + error.view(8, 1, 1, 1, 1), None, latents,
                             torch.zeros(8, 5, 8, 12), None, sigma, known, noise, None, 1)

        common, own = torch.zeros(8), torch.zeros(8)
        common[4:], own[5] = 1, 1
        self.assertTrue(torch.allclose(loss_of(common), common, atol=1e-5))
        apart = torch.tensor([1, 9, 1, 1]) / 16
        self.assertTrue(torch.allclose(loss_of(own)[4:], own[4:] + SHAPE_WEIGHT * apart, atol=1e-4))
        self.assertTrue(torch.allclose(loss_of(own)[:4], torch.zeros(4), atol=1e-5))


@unittest.skipIf(torch is None, "needs torch")
class Guidance(unittest.TestCase):
    def clip(self, seed):
        import random

        from mini.scene import Clip, sample_core
        return Clip(sample_core(random.Random(seed)), seed)

    def test_the_truth_is_where_the_thing_is(self):
        """Weighed by their cover, cells lie around the centre that every token points to."""
        from mini.guide import truth
        for seed in range(20):
            cells, place = truth(self.clip(seed))
            y, x = torch.meshgrid(torch.arange(4) + 0.5, torch.arange(6) + 0.5, indexing="ij")
            token = torch.stack((x, y), -1).view(-1, 2) / 4
            center = place.view(5, 24, 2) + token
            self.assertLess(float((center - center[:, :1]).abs().max()), 1e-5)
            offset = (torch.arange(4) - 1.5) / 16
            cell = token[:, None, None] + torch.stack(torch.meshgrid(offset, offset, indexing="xy"),
                                                      -1)
            weight = cells.view(5, 24, 4, 4, 1)
            mean = (weight * cell).sum((1, 2, 3)) / weight.sum((1, 2, 3))
            self.assertLess(float((mean - center[:, 0]).abs().max()), 0.04)

    def test_the_loss_falls_when_the_tokens_know(self):
        from mini.guide import Guide, truth
        clips = [self.clip(n) for n in range(4)]
        known = [torch.cat(truth(clip), 1) for clip in clips]
        hidden = torch.stack([torch.cat((k, torch.zeros(120, 14)), 1) for k in known])
        for at, clip in enumerate(clips):
            hidden[at, :, 20 + ("circle", "square", "triangle",
                                "star").index(clip.scene.things[0].shape)] = 1
        guide = Guide(32)
        first = float(guide.loss(hidden, clips).detach())
        for _ in range(150):
            guide.optimizer.zero_grad()
            loss = guide.loss(hidden, clips)
            loss.backward()
            guide.optimizer.step()
        self.assertLess(float(loss.detach()), 0.6 * first)


@unittest.skipIf(torch is None, "needs torch")
class Voices(unittest.TestCase):
    def test_what_is_quiet_is_made_loud_and_the_rest_stays(self):
        from mini.captions import SLOTS
        from mini.voices import HEARD, QUIET, _louder, loudness
        torch.manual_seed(0)
        labels = torch.stack([torch.randint(n, (4000,)) for n in SLOTS.values()], 1)
        said = 0.01 * torch.randn(4000, 120)
        for at, slot in enumerate(s for s in HEARD if s != "shape"):
            one_hot = torch.nn.functional.one_hot(labels[:, list(SLOTS).index(slot)])
            said[:, 12 * at:12 * at + one_hot.shape[1]] += one_hot
        before = loudness(said, labels)
        self.assertLess(before["shape"], 0.01 * before["color"])
        target = QUIET * max(before.values())
        after = loudness(_louder(said, labels, ["shape"], target), labels)
        self.assertAlmostEqual(after["shape"], target, delta=0.05 * target)
        for slot in set(HEARD) - {"shape"}:
            self.assertAlmostEqual(after[slot], before[slot], delta=0.05 * before[slot])


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
