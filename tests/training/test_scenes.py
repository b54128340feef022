#!/usr/bin/env python3
"""Tests of what auteur-mini is trained and judged with: scenes, pictures, captions, the judge.

    python3 tests/training/test_scenes.py

Only numpy is needed.
"""

import random
import sys
import unittest
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "models" / "training"))

from mini import captions, judge, render, scene  # noqa: E402


def scenes(count: int, held_out: bool = False, seed: str = "tests") -> list[scene.Scene]:
    rng = random.Random(seed)
    return [scene.sample_core(rng, held_out) for _ in range(count)]


class Scenes(unittest.TestCase):
    def test_same_seed_same_scene(self):
        self.assertEqual(scenes(5), scenes(5))
        self.assertNotEqual(scenes(5), scenes(5, seed="other"))

    def test_held_out_combinations_are_a_tenth_and_never_trained_on(self):
        def combination(s):
            thing = s.things[0]
            return thing.shape, thing.color, s.background.color, thing.motion

        trained = {combination(s) for s in scenes(3000)}
        tested = {combination(s) for s in scenes(300, held_out=True)}
        self.assertFalse(trained & tested)
        every = [(a, b, c, d) for a in scene.SHAPES for b in scene.COLORS for c in scene.COLORS
                 for d in scene.MOTIONS]
        share = sum(scene.is_held_out(*names) for names in every) / len(every)
        self.assertAlmostEqual(share, 0.1, delta=0.02)

    def test_a_family_differs_in_the_shape_alone_and_is_not_held_out(self):
        families = [f for f in map(scene.with_each_shape, scenes(200)) if f]
        self.assertGreater(len(families), 50)
        for family in families:
            self.assertEqual([s.things[0].shape for s in family], list(scene.SHAPES))
            rest = {(t.color, t.motion, t.radius, t.x, t.y, t.vx, t.vy, s.background)
                    for s in family for t in s.things}
            self.assertEqual(len(rest), 1)
            for s in family:
                thing = s.things[0]
                self.assertFalse(scene.is_held_out(thing.shape, thing.color, s.background.color,
                                                   thing.motion))

    def test_drifting_things_stay_in_the_frame_for_long(self):
        for s in scenes(300):
            thing = s.things[0]
            x, y = thing.centers(np.arange(200))
            self.assertTrue((x > 0.05).all() and (x < scene.ASPECT - 0.05).all())
            self.assertTrue((y > 0.05).all() and (y < 0.95).all())

    def test_the_first_window_shows_the_caption(self):
        for s in scenes(300):
            thing, times = s.things[0], np.arange(scene.FRAMES)
            self.assertTrue(scene._moves_as_said(thing, times), thing)

    def test_later_windows_are_marked_when_they_show_something_else(self):
        rng = random.Random("later")
        clips = [scene.sample_clip(rng, 0.0, 1.0) for _ in range(300)]
        turned = [c for c in clips if not c.shows_caption()]
        self.assertGreater(len(turned), 30)
        for clip in turned:
            self.assertIn(clip.scene.things[0].motion, (*scene.DIRECTIONS, "grow", "shrink"))

    def test_bounce_folds_a_path(self):
        path = scene.bounce(np.arange(8.0), 0.0, 3.0)
        np.testing.assert_allclose(path, [0, 1, 2, 3, 2, 1, 0, 1])


class Pictures(unittest.TestCase):
    def test_frames_have_the_shape_and_type(self):
        frames = render.render(scenes(1)[0], np.arange(17))
        self.assertEqual((frames.shape, frames.dtype), ((17, 64, 96, 3), np.uint8))

    def test_the_cover_is_where_a_thing_changes_the_picture(self):
        for s in scenes(20):
            with_it, without = (render.render(x, np.arange(3)).astype(int)
                                for x in (s, scene.without_things(s)))
            changed = np.abs(with_it - without).max(-1) > 40
            self.assertTrue((render.cover(s, np.arange(3))[changed] > 0.1).all())

    def test_areas_of_the_shapes(self):
        """Pixel counts against plane geometry."""
        r = 0.3
        for shape, area in (("circle", np.pi * r * r), ("square", 2 * (1.22 * r) ** 2),
                            ("triangle", 3 * np.sqrt(3) / 4 * (1.38 * r) ** 2)):
            y, x = (np.mgrid[:400, :400] + 0.5) / 400 - 0.5
            far = render.distance(shape, x, y, np.float64(r), np.float64(0.3))
            self.assertAlmostEqual((far < 0).mean() / area, 1, delta=0.01, msg=shape)

    def test_rich_scenes_are_drawn(self):
        rng = random.Random("rich")
        for _ in range(20):
            s = scene.sample_rich(rng)
            frames = render.render(s, np.arange(17))
            moves = s.camera != "static"
            if moves:
                self.assertGreater(np.abs(frames[0].astype(int) - frames[-1]).mean(), 1)


class Captions(unittest.TestCase):
    def test_labels_fit_their_slots(self):
        rng = random.Random("captions")
        for _ in range(500):
            s = scene.sample_clip(rng, 0.5, 0.0).scene
            labels = captions.caption(s, rng).labels(s)
            self.assertEqual(len(labels), len(captions.SLOTS))
            for label, answers in zip(labels, captions.SLOTS.values(), strict=True):
                self.assertTrue(0 <= label < answers)

    def test_a_caption_says_colour_and_motion(self):
        rng = random.Random("words")
        for s in scenes(200):
            text, thing = captions.caption(s, rng).text.lower(), s.things[0]
            self.assertIn(thing.color, text)
            self.assertIn(s.background.color, text)
            self.assertTrue(any(w.lower() in text for w in captions.MOTION_WORDS[thing.motion]))

    def test_the_plainest_wording(self):
        thing = scene.Thing("star", "orange", "small", "grow", False, 0, 0, 0.2, 0)
        s = scene.Scene((thing,), scene.Background("plain", "black", 0, 0, 0, ()))
        self.assertEqual(captions.plain_caption(s).text,
                         "an orange star grows over a black background")
        thing = scene.Thing("star", "orange", "small", "left", True, 0, 0, 0.2, 0)
        s = scene.Scene((thing,), scene.Background("plain", "black", 0, 0, 0, ()))
        self.assertEqual(captions.plain_caption(s).text,
                         "an orange star slowly moves left over a black background")


class Judge(unittest.TestCase):
    COUNT = 200

    def test_true_renders_are_read_right(self):
        """At least 98 % for each question, over combinations of both kinds."""
        right = {"background": 0, "color": 0, "shape": 0, "motion": 0}
        for s in scenes(self.COUNT // 2) + scenes(self.COUNT // 2, held_out=True):
            verdict, thing = judge.judge(render.render(s, np.arange(17))), s.things[0]
            wanted = {"background": s.background.color, "color": thing.color,
                      "shape": thing.shape, "motion": thing.motion}
            for name, value in wanted.items():
                right[name] += getattr(verdict, name) == value
        for name, count in right.items():
            self.assertGreaterEqual(count / self.COUNT, 0.98, name)

    def test_an_empty_clip_has_no_thing(self):
        s = scene.without_things(scenes(1)[0])
        verdict = judge.judge(render.render(s, np.arange(17)))
        self.assertEqual((verdict.color, verdict.shape, verdict.motion), (None, None, None))
        self.assertEqual(verdict.background, s.background.color)

    def test_noise_is_not_taken_for_an_answer(self):
        frames = np.random.default_rng(0).integers(0, 256, (17, 64, 96, 3), np.uint8)
        judge.judge(frames)

    def test_the_reverse_clip_moves_the_other_way(self):
        opposite = {"left": "right", "up": "down", "grow": "shrink"}
        for s in scenes(60):
            motion = s.things[0].motion
            if motion in opposite:
                backwards = render.render(s, np.arange(17))[::-1]
                self.assertEqual(judge.judge(backwards).motion, opposite[motion])


if __name__ == "__main__":
    unittest.main()
