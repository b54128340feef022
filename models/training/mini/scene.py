"""Scenes: what is in a clip and how it moves, without any pixels.

A scene is endless: things that drift bounce off the frame's edges, things that grow stop when
they fill it. A clip is a window of 17 frames of a scene, so a later window shows what a model
must do when it goes on from a clip's tail. Lengths are in frame heights, times in frames.
"""

from __future__ import annotations

import hashlib
import math
import random
from dataclasses import dataclass, replace

import numpy as np

HEIGHT, WIDTH, FRAMES = 64, 96, 17
ASPECT = WIDTH / HEIGHT
STEPS = FRAMES - 1

COLORS: dict[str, tuple[int, int, int]] = {
    "red": (215, 35, 40), "green": (35, 165, 60), "blue": (35, 75, 215), "yellow": (245, 215, 40),
    "orange": (240, 125, 25), "purple": (135, 45, 175), "white": (242, 242, 242),
    "black": (22, 22, 24)}
SHAPES = ("circle", "square", "triangle", "star")
MOTIONS = ("left", "right", "up", "down", "still", "grow", "shrink", "rotate")
SIZES = {"small": 0.190, "medium": 0.235, "large": 0.280}
LANDSCAPES = ("sky", "sea", "ground")
CAMERAS = ("static", "pan left", "pan right", "tilt up", "tilt down", "zoom in", "zoom out")
DIRECTIONS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}

# How far a shape's outline reaches, and at which angle it stands upright. Equal radius means
# roughly equal area.
REACH = {"circle": 1.0, "square": 1.22, "triangle": 1.38, "star": 1.45}
UPRIGHT = {"circle": 0.0, "square": math.pi / 4, "triangle": -math.pi / 2, "star": -math.pi / 2}
# A landscape's own colours, which a thing in front of it does not take.
TAKEN = {"sky": {"blue", "white"}, "sea": {"blue", "white"}, "ground": {"blue", "white", "green"}}


@dataclass(frozen=True)
class Thing:
    """One shape: its words, its state at frame 0, and its change per frame."""

    shape: str
    color: str
    size: str
    motion: str
    slow: bool
    x: float
    y: float
    radius: float
    angle: float
    vx: float = 0.0
    vy: float = 0.0
    growth: float = 0.0
    spin: float = 0.0
    lane: tuple[float, float] = (0.0, ASPECT)

    def radii(self, t: np.ndarray) -> np.ndarray:
        """The radius at frames `t`; growing and shrinking end at sizes that a frame can show."""
        if self.growth == 0.0:
            return np.full(np.shape(t), self.radius)
        return np.clip(self.radius * np.exp(self.growth * np.asarray(t, np.float64)), 0.09, 0.36)

    def centers(self, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The centre (x, y) at frames `t`, bouncing off the edges."""
        x_low, x_high, y_low, y_high = room(self.shape, self.radius, self.lane)
        t = np.asarray(t, np.float64)
        x = bounce(self.x + self.vx * t, x_low, x_high) if self.vx else np.full(t.shape, self.x)
        y = bounce(self.y + self.vy * t, y_low, y_high) if self.vy else np.full(t.shape, self.y)
        return x, y

    def angles(self, t: np.ndarray) -> np.ndarray:
        return self.angle + self.spin * np.asarray(t, np.float64)


@dataclass(frozen=True)
class Background:
    """A plain colour, a gradient of one, or a landscape; the numbers vary its look."""

    kind: str
    color: str
    slope: float
    horizon: float
    phase: float
    clouds: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class Scene:
    things: tuple[Thing, ...]
    background: Background
    camera: str = "static"

    @property
    def is_core(self) -> bool:
        """One thing before a plain or gradient background: what the evaluation asks for."""
        return len(self.things) == 1 and self.background.kind in ("plain", "gradient")


@dataclass(frozen=True)
class Clip:
    """Frames start … start + 16 of a scene."""

    scene: Scene
    start: int = 0

    @property
    def times(self) -> np.ndarray:
        return np.arange(self.start, self.start + FRAMES)

    def shows_caption(self) -> bool:
        """Whether these frames alone show the motion that the scene's caption speaks of."""
        return self.start == 0 or all(_moves_as_said(t, self.times) for t in self.scene.things)

    def begins_as_caption(self) -> bool:
        """Whether the first frames do, so that first frame and caption tell what comes next."""
        return self.start == 0 or all(_moves_as_said(t, self.times[:5]) for t in self.scene.things)


def bounce(value: np.ndarray, low: float, high: float) -> np.ndarray:
    """A straight path folded into low … high."""
    span = max(high - low, 1e-6)
    return low + span - np.abs(np.mod(value - low, 2 * span) - span)


def room(shape: str, radius: float, lane: tuple[float, float]) -> tuple[float, ...]:
    """Where a thing's centre may be: x_low, x_high, y_low, y_high."""
    reach = 0.88 * REACH[shape] * radius
    x_low, x_high = lane[0] + reach, lane[1] - reach
    if x_low > x_high:
        x_low = x_high = sum(lane) / 2
    return x_low, x_high, min(reach, 0.5), max(1 - reach, 0.5)


def _moves_as_said(thing: Thing, times: np.ndarray) -> bool:
    """Whether a thing's motion over `times` is its caption's, all the way."""
    if thing.motion in DIRECTIONS:
        dx, dy = DIRECTIONS[thing.motion]
        x, y = thing.centers(times)
        return bool((np.diff(x * dx + y * dy) > 0.5 * abs(thing.vx + thing.vy)).all())
    if thing.motion in ("grow", "shrink"):
        return bool((np.abs(np.diff(np.log(thing.radii(times)))) > 0.5 * abs(thing.growth)).all())
    return True


def is_held_out(shape: str, color: str, background: str, motion: str) -> bool:
    """A tenth of all combinations is never trained on; which, only their names decide."""
    name = f"{shape}/{color}/{background}/{motion}".encode()
    return hashlib.sha256(name).digest()[0] % 10 == 0


def sample_core(rng: random.Random, held_out: bool = False) -> Scene:
    """One thing before a plain or gradient background."""
    while True:
        kind = "gradient" if rng.random() < 0.3 else "plain"
        background = _background(rng, kind)
        shape = rng.choice(SHAPES)
        motion = rng.choice([m for m in MOTIONS if (shape, m) != ("circle", "rotate")])
        color = rng.choice([c for c in COLORS if c != background.color])
        if is_held_out(shape, color, background.color, motion) == held_out:
            return Scene((_thing(rng, shape, color, motion),), background)


def with_each_shape(scene: Scene) -> tuple[Scene, ...] | None:
    """A core scene with each shape in turn; None where one is held out or would not show it."""
    thing, color = scene.things[0], scene.background.color
    if thing.motion == "rotate" or any(is_held_out(shape, thing.color, color, thing.motion)
                                       for shape in SHAPES):
        return None
    tilt = thing.angle - UPRIGHT[thing.shape]
    return tuple(replace(scene, things=(replace(thing, shape=shape, angle=UPRIGHT[shape] + tilt),))
                 for shape in SHAPES)


def sample_rich(rng: random.Random) -> Scene:
    """Landscapes, camera moves, and two things."""
    two = rng.random() < 0.4
    landscape = not two or rng.random() < 0.3
    background = _background(rng, rng.choice(LANDSCAPES) if landscape else "plain")
    camera = rng.choice(CAMERAS[1:]) if landscape and rng.random() < 0.5 else "static"
    lanes = [(0.0, ASPECT / 2), (ASPECT / 2, ASPECT)] if two else [(0.0, ASPECT)]
    rng.shuffle(lanes)
    used = set(TAKEN.get(background.kind, {background.color}))
    things = []
    for lane in lanes:
        color = rng.choice([c for c in COLORS if c not in used])
        used.add(color)
        shape = rng.choice(SHAPES)
        motions = ["still"] if camera != "static" else [m for m in MOTIONS
                                                        if (shape, m) != ("circle", "rotate")]
        things.append(_thing(rng, shape, color, rng.choice(motions), lane))
    return Scene(tuple(things), background, camera)


def sample_clip(rng: random.Random, rich: float, later: float) -> Clip:
    """A clip to train on; `rich` and `later` are the shares of rich scenes and later windows."""
    scene = sample_rich(rng) if rng.random() < rich else sample_core(rng)
    moving = scene.camera == "static"
    return Clip(scene, rng.randint(1, 48) if moving and rng.random() < later else 0)


def without_things(scene: Scene) -> Scene:
    return replace(scene, things=())


def _background(rng: random.Random, kind: str) -> Background:
    low, high = (0.16, 0.24) if kind == "gradient" else (0.0, 0.08)
    clouds = tuple((rng.uniform(-0.2, 1.2) * ASPECT, rng.uniform(0.08, 0.4),
                    rng.uniform(0.09, 0.15)) for _ in range(3))
    return Background(kind, rng.choice(list(COLORS)), rng.uniform(low, high) * rng.choice((-1, 1)),
                      rng.uniform(0.55, 0.7), rng.uniform(0, 2 * math.pi), clouds)


def _thing(rng: random.Random, shape: str, color: str, motion: str,
           lane: tuple[float, float] = (0.0, ASPECT)) -> Thing:
    """A thing that shows its motion within one window of 17 frames."""
    changing = motion in ("grow", "shrink")  # what is large has no room to change
    size = rng.choice(("small", "medium") if changing else ("small", "medium", "medium", "large"))
    radius = SIZES[size] * rng.uniform(0.94, 1.06) * (0.8 if lane != (0.0, ASPECT) else 1.0)
    angle = UPRIGHT[shape] + rng.uniform(-0.12, 0.12)
    thing = Thing(shape, color, size, motion, False, 0.0, 0.0, radius, angle, lane=lane)
    if motion in DIRECTIONS:
        return _drifting(rng, thing)
    if changing:
        change = math.log(rng.uniform(1.6, 1.95))
        sign = 1 if motion == "grow" else -1
        start = max(radius * math.exp(-sign * change / 2), 0.10)
        thing = replace(thing, radius=start, growth=sign * change / STEPS)
        widest = max(start, start * math.exp(sign * change))
    else:
        widest = radius
    x_low, x_high, y_low, y_high = room(shape, widest, lane)
    thing = replace(thing, x=rng.uniform(x_low, x_high), y=rng.uniform(y_low, y_high))
    if motion == "rotate":
        thing = replace(thing, spin=rng.choice((-1, 1)) * rng.uniform(1.4, 2.2) / STEPS)
    return thing


def _drifting(rng: random.Random, thing: Thing) -> Thing:
    """A thing that moves in a straight line and reaches no edge within the first window."""
    dx, dy = DIRECTIONS[thing.motion]
    x_low, x_high, y_low, y_high = room(thing.shape, thing.radius, thing.lane)
    low, high = (x_low, x_high) if dx else (y_low, y_high)
    slow = rng.random() < 0.3
    wanted = rng.uniform(0.20, 0.25) if slow else rng.uniform(0.36, 0.5) * (ASPECT if dx else 1)
    way = min(wanted, 0.95 * (high - low))
    begin = rng.uniform(low, high - way) if dx + dy > 0 else rng.uniform(low + way, high)
    speed = way / STEPS * (dx + dy)
    if dx:
        return replace(thing, slow=slow, vx=speed, x=begin, y=rng.uniform(y_low, y_high))
    return replace(thing, slow=slow, vy=speed, y=begin, x=rng.uniform(x_low, x_high))
