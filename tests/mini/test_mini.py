#!/usr/bin/env python3
"""Tests of the evaluation itself: that it can fail, and by how much chance it allows.

    python3 -m unittest discover tests/mini
"""

import json
import random
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "models" / "training")]

import engine  # noqa: E402
import evaluate  # noqa: E402
import noise  # noqa: E402
import report  # noqa: E402
from mini.figures import Handoff, drifting_scenes, held_out_scenes, hits  # noqa: E402
from mini.golden import sampled, weights_hash  # noqa: E402
from mini.judge import Verdict, judge  # noqa: E402
from mini.render import render  # noqa: E402
from noise import Figure  # noqa: E402


def verdict_of(scene) -> Verdict:
    thing = scene.things[0]
    return Verdict(scene.background.color, thing.color, thing.shape, thing.motion)


class Noise(unittest.TestCase):
    def test_quantiles_of_a_fair_coin(self):
        """P(X <= 2) = 0.0547 and P(X <= 1) = 0.0107 for ten throws."""
        self.assertEqual(noise.lower_quantile(0.5, 10, 0.05), 0.2)
        self.assertEqual(noise.lower_quantile(0.5, 10, 0.06), 0.3)
        self.assertEqual(noise.lower_quantile(0.5, 10, 0.01), 0.1)
        self.assertAlmostEqual(noise.upper_quantile(0.5, 10, 0.05), 0.8)

    def test_a_model_as_good_as_pinned_rarely_misses_the_short_form(self):
        rng = np.random.default_rng(1)
        pinned = {"limit": 0.9, "spread": 0, "of": 300}
        for _ in range(300):
            samples = tuple((rng.random(24) < 0.9).astype(float))
            figure = Figure("x", "share", samples)
            self.assertTrue(figure.reaches(noise.limit_for(figure, pinned)))

    def test_a_bad_model_misses_the_short_form(self):
        pinned = {"limit": 0.9, "spread": 0, "of": 300}
        figure = Figure("x", "share", (1.0,) * 10 + (0.0,) * 14)
        self.assertFalse(figure.reaches(noise.limit_for(figure, pinned)))

    def test_nothing_is_loosened_with_as_many_samples_as_pinned(self):
        figure = Figure("x", "share", (1.0,) * 300)
        self.assertEqual(noise.limit_for(figure, {"limit": 0.9, "spread": 0, "of": 300}), 0.9)

    def test_what_is_pinned_is_less_than_what_was_reached(self):
        for figure in (Figure("x", "share", (1.0,) * 300),
                       Figure("x", "mean", tuple(np.linspace(28, 34, 48)))):
            self.assertLess(noise.pin(figure)["limit"], figure.value)
            self.assertGreater(noise.pin(figure)["limit"], 0.9 * figure.value)
        most = Figure("x", "median", tuple(np.linspace(1, 2, 72)), at_least=False)
        self.assertGreater(noise.pin(most)["limit"], most.value)

    def test_no_samples_miss_every_limit(self):
        for at_least in (True, False):
            row = report.rows([Figure("x", "median", (), at_least=at_least, must=1.0)], {})[0]
            self.assertTrue(row.missed)


class Figures(unittest.TestCase):
    def test_clips_that_know_the_others_captions_are_no_chance(self):
        """Clips of what others ask for must not pass as shuffled."""
        scenes = held_out_scenes(60, "tests")
        others = scenes[30:] + scenes[:30]
        figures = evaluate.shuffled_figures([verdict_of(s) for s in others], scenes)
        self.assertTrue(all(row.missed for row in report.rows(figures, {})))
        figures = evaluate.shuffled_figures([verdict_of(s) for s in scenes], scenes)
        self.assertFalse(any(row.missed for row in report.rows(figures, {})))

    def test_rotation_is_no_motion_that_is_asked(self):
        for scene in held_out_scenes(60, "tests"):
            right = hits(verdict_of(scene), scene)
            self.assertTrue(right["all"])
            self.assertEqual("rotation" in right, scene.things[0].motion == "rotate")
            self.assertNotEqual("rotation" in right, "motion" in right)

    def test_true_shots_hand_over_well(self):
        measured = Handoff()
        for scene in drifting_scenes(6):
            measured.add(render(scene, np.arange(53)), scene, 5, 4)
        figures = measured.figures()
        self.assertEqual(len(measured.jumps), 18)
        self.assertEqual(figures["lost"], 0)
        self.assertLess(figures["jump"], 1.5)
        self.assertLess(figures["color_drift"], 0.02)
        self.assertEqual(figures["direction_kept"], 1)

    def test_of_one_frame_a_turn_is_not_asked_for(self):
        """What moves as the caption says must go on; which way it came back, one frame hides."""
        for scene in drifting_scenes(12):
            shot = render(scene, np.arange(65))
            true, back = Handoff(), Handoff()
            true.add(shot, scene, 1, 4)
            back.add(np.concatenate((shot[:17], shot[15::-1], shot[:16], shot[15::-1])), scene, 1, 4)
            self.assertTrue(all(true.kept))
            self.assertLessEqual(len(true.kept), 3)
            self.assertFalse(any(back.kept))
            self.assertLessEqual(len(back.kept), 2)

    def test_chunks_that_know_nothing_of_each_other_do_not(self):
        """Each chunk begins somewhere else: the jump must show, so what is dropped is found."""
        measured, rng = Handoff(), random.Random("places")
        for scene in drifting_scenes(6):
            chunks = [render(scene, np.arange(17))]
            chunks += [render(scene, np.arange(5, 17) + rng.randint(20, 40)) for _ in range(3)]
            measured.add(np.concatenate(chunks), scene, 5, 4)
        row = report.rows(evaluate.dropped_figures(measured), {})[0]
        self.assertFalse(row.missed)
        true = Handoff()
        for scene in drifting_scenes(6):
            true.add(render(scene, np.arange(53)), scene, 5, 4)
        self.assertTrue(report.rows(evaluate.dropped_figures(true), {})[0].missed)

    def test_a_shot_whose_thing_is_lost_counts_as_lost(self):
        scene = drifting_scenes(1)[0]
        shot = render(scene, np.arange(53))
        shot[20] = shot[20, :1, :1]
        measured = Handoff()
        measured.add(shot, scene, 5, 4)
        self.assertEqual((measured.lost, measured.jumps), ([True], []))


class Files(unittest.TestCase):
    def test_pictures_go_to_the_engine_and_back_unchanged(self):
        frame = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "x.png"
            engine.write_png(path, frame)
            np.testing.assert_array_equal(engine.read_clip(path, 96, 64)[0], frame)

    def test_a_program_that_fails_is_an_error_that_says_so(self):
        with self.assertRaisesRegex(engine.EngineError, "ended with 3: broken"):
            engine.run_program(["sh", "-c", "echo broken >&2; exit 3"])

    def test_what_is_saved_is_a_table(self):
        figures = [Figure("a", "share", (1.0, 0.0), aim=0.9),
                   Figure("b", "median", (1.5,), aim=2.0, at_least=False)]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "x.json"
            report.save(path, report.rows(figures, {}), {"model": "m"})
            lines = report.markdown(json.loads(path.read_text())).splitlines()
        self.assertEqual(lines[2:], ["| a | **50.0 %** | 2 | ≥ 90.0 % |", "| b | 1.5 | 1 | ≤ 2 |"])


class Goldens(unittest.TestCase):
    def test_sixteen_frames_touch_each_pixel_once(self):
        frames = np.arange(64 * 96).reshape(1, 64, 96, 1).repeat(16, 0)
        kept = sampled(frames)
        self.assertEqual(kept.shape, (16, 16, 24, 1))
        np.testing.assert_array_equal(np.sort(kept.ravel()), np.arange(64 * 96))

    def test_other_weights_have_another_hash(self):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "vae").mkdir()
            (folder / "model_index.json").write_text("{}")
            (folder / "model.json").write_text("{}")
            (folder / "vae" / "x.safetensors").write_bytes(b"one")
            first = weights_hash(folder)
            (folder / "model.json").write_text('{"version": 2}')
            self.assertEqual(weights_hash(folder), first)
            (folder / "vae" / "x.safetensors").write_bytes(b"two")
            self.assertNotEqual(weights_hash(folder), first)


class Clips(unittest.TestCase):
    def test_the_judge_reads_what_a_clip_shows_and_not_what_was_asked(self):
        scene, other = held_out_scenes(2, "tests")
        clip = render(scene, np.arange(17))
        self.assertTrue(hits(judge(clip), scene)["all"])
        self.assertFalse(hits(judge(clip), other)["all"])


if __name__ == "__main__":
    unittest.main()
