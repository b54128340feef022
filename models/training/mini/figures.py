"""The figures of an evaluation, from frames alone: what is asked and right, how a shot goes on.

Both evaluations use them: of a model in training (`evaluate.py`) and of what ships, made by the
engine (`tests/mini`). Needs numpy only.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np

from .judge import Blob, Verdict, find_blob, fit_background
from .scene import DIRECTIONS, FRAMES, Scene, sample_core

AIMS = {"background": 0.95, "color": 0.95, "motion": 0.90, "shape": 0.75, "all": 0.60,
        "first_frame_db": 30.0, "direction_kept": 0.90, "jump": 2.0, "color_drift": 0.05}


def held_out_scenes(count: int, seed: str) -> list[Scene]:
    rng = random.Random(f"evaluation {seed}")
    return [sample_core(rng, held_out=True) for _ in range(count)]


def drifting_scenes(count: int) -> list[Scene]:
    """Held-out scenes with a thing that moves slowly enough to be followed over some chunks."""
    rng = random.Random("evaluation handoff")
    scenes: list[Scene] = []
    while len(scenes) < count:
        scene = sample_core(rng, held_out=True)
        if scene.things[0].motion in DIRECTIONS and scene.things[0].slow:
            scenes.append(scene)
    return scenes


def answers(scene: Scene) -> dict[str, str]:
    thing = scene.things[0]
    return {"background": scene.background.color, "color": thing.color, "shape": thing.shape,
            "motion": thing.motion}


def hits(verdict: Verdict, scene: Scene) -> dict[str, bool]:
    """Which questions a clip answers as asked. Rotation stands apart, as no figure asks it."""
    wanted = answers(scene)
    right = {name: getattr(verdict, name) == value for name, value in wanted.items()}
    right["all"] = all(right.values())
    if wanted["motion"] == "rotate":
        right["rotation"] = right.pop("motion")
    return right


def by_question(rows: list[dict[str, bool]]) -> dict[str, list[bool]]:
    """The same hits, question by question."""
    table: dict[str, list[bool]] = {}
    for row in rows:
        for name, hit in row.items():
            table.setdefault(name, []).append(hit)
    return table


def psnr_of(frame: np.ndarray, other: np.ndarray) -> float:
    """dB between two uint8 pictures; 99 if they are equal."""
    error = float(np.square((frame.astype(float) - other) / 255).mean())
    return 99.0 if error == 0 else float(-10 * np.log10(error))


@dataclass
class Handoff:
    """What was measured at the borders of shots; a shot whose thing is lost has none."""

    jumps: list[float] = field(default_factory=list)  # in median steps inside chunks
    kept: list[bool] = field(default_factory=list)    # direction; without borders where it turns
    drift: list[float] = field(default_factory=list)  # colour, end against beginning, of range
    lost: list[bool] = field(default_factory=list)

    def add(self, shot: np.ndarray, scene: Scene, tail: int, chunks: int) -> None:
        """A shot of `chunks` chunks of 17 frames; each repeats `tail` of the one before."""
        blobs = [find_blob(f, fit_background(f.astype(float))) for f in shot]
        whole = [b for b in blobs if b is not None]
        self.lost.append(len(whole) < len(blobs))
        if self.lost[-1]:
            return
        self.drift.append(color_drift(whole))
        path = np.array([(b.x, b.y) for b in whole])
        way = DIRECTIONS[scene.things[0].motion]
        for k in range(chunks - 1):
            self._add_border(path, FRAMES + k * (FRAMES - tail), way, shot.shape[1], tail)

    def _add_border(self, path: np.ndarray, at: int, way: tuple[int, int], height: int,
                    tail: int) -> None:
        """`path` (T, 2) are positions in pixels; frame `at` is the first new one. What one frame
        and the caption tell is the caption's way, so a thing that has turned is none to judge."""
        steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
        inside = np.delete(steps, at - 1)
        self.jumps.append(float(steps[at - 1] / max(float(np.median(inside)), 0.25)))
        before, after = path[at - 1] - path[at - 5], path[at + 3] - path[at - 1]
        axis = 0 if way[0] else 1
        if tail == 1 and before[axis] * way[axis] < 0:
            return
        room = (1.5 * height, height)[axis]
        if min(path[at - 1, axis], room - path[at - 1, axis]) >= 0.3 * height:
            self.kept.append(bool(before[axis] * after[axis] > 0))

    def figures(self) -> dict[str, float]:
        def middle(values: list[float]) -> float:
            return float(np.median(values)) if values else float("nan")

        return {"jump": middle(self.jumps), "color_drift": middle(self.drift),
                "direction_kept": float(np.mean(self.kept)) if self.kept else float("nan"),
                "lost": float(np.mean(self.lost)) if self.lost else float("nan")}


def color_drift(blobs: list[Blob]) -> float:
    """How far the last frames' colour is from the first ones', as a share of the range."""
    colors = np.array([b.color for b in blobs])
    return float(np.abs(colors[-4:].mean(0) - colors[:4].mean(0)).max() / 255)
