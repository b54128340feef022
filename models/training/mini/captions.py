"""Captions of scenes from a small grammar with many wordings, and the labels they carry."""

from __future__ import annotations

import random
from dataclasses import dataclass

from .scene import CAMERAS, COLORS, LANDSCAPES, MOTIONS, SHAPES, Scene, Thing

SHAPE_WORDS = {"circle": ("circle", "circle", "disc", "disk", "ball", "dot"),
               "square": ("square", "square", "box", "block"),
               "triangle": ("triangle", "triangle", "pyramid"),
               "star": ("star", "star", "five-pointed star")}
SIZE_WORDS = {"small": ("small", "little", "tiny"), "medium": ("", "medium-sized"),
              "large": ("large", "big", "huge")}
MOTION_WORDS = {
    "left": ("moves left", "slides left", "drifts to the left", "travels to the left",
             "moving left", "moves from right to left", "glides left", "goes left"),
    "right": ("moves right", "slides right", "drifts to the right", "travels to the right",
              "moving right", "moves from left to right", "glides right", "goes right"),
    "up": ("moves up", "rises", "floats up", "goes upward", "moving up", "climbs upwards"),
    "down": ("moves down", "falls", "sinks down", "goes downward", "moving down",
             "drops downwards"),
    "still": ("stays still", "stands still", "does not move", "rests", "is still",
              "stays in place"),
    "grow": ("grows", "gets bigger", "expands", "gets larger", "growing", "becomes bigger"),
    "shrink": ("shrinks", "gets smaller", "contracts", "becomes smaller", "shrinking"),
    "rotate": ("rotates", "spins", "turns around", "rotating", "spinning", "is turning")}
LANDSCAPE_WORDS = {
    "sky": ("in the sky", "in a blue sky", "among the clouds", "before a cloudy sky"),
    "sea": ("over the sea", "above the ocean", "over the water", "above the waves"),
    "ground": ("over green hills", "on a meadow", "over the ground", "above the grass",
               "over a green field")}
CAMERA_WORDS = {
    "static": ("static camera", "the camera does not move"),
    "pan left": ("the camera pans left", "camera pan to the left"),
    "pan right": ("the camera pans right", "camera pan to the right"),
    "tilt up": ("the camera tilts up", "camera tilt upward"),
    "tilt down": ("the camera tilts down", "camera tilt downward"),
    "zoom in": ("the camera zooms in", "slow zoom in"),
    "zoom out": ("the camera zooms out", "slow zoom out")}
STYLES = ("cinematic", "high quality", "flat colors", "simple animation", "slow motion", "detailed",
          "smooth", "an establishing shot", "wide shot", "close-up", "soft light", "at night",
          "in the morning", "beautiful", "calm", "4k")
OPENINGS = ("", "", "", "", "video of ", "a clip of ", "we see ", "there is ")

BACKGROUNDS = (*COLORS, *LANDSCAPES)
# What a caption says, slot by slot, with the number of answers; the last one is "unsaid".
SLOTS = {"color": len(COLORS), "shape": len(SHAPES), "motion": len(MOTIONS), "size": 4,
         "background": len(BACKGROUNDS), "color 2": len(COLORS) + 1, "shape 2": len(SHAPES) + 1,
         "motion 2": len(MOTIONS) + 1, "camera": len(CAMERAS)}


@dataclass(frozen=True)
class Caption:
    text: str
    sizes_said: bool

    def labels(self, scene: Scene) -> list[int]:
        """The slots' answers, in the order of SLOTS."""
        first, *others = scene.things
        kind, color = scene.background.kind, scene.background.color
        size = ("small", "medium", "large").index(first.size) if self.sizes_said else 3
        labels = [*_thing_labels(first), size,
                  BACKGROUNDS.index(kind if kind in LANDSCAPES else color)]
        labels += _thing_labels(others[0]) if others else [len(COLORS), len(SHAPES), len(MOTIONS)]
        return [*labels, CAMERAS.index(scene.camera)]


def plain_caption(scene: Scene) -> Caption:
    """The one plainest wording, which the evaluation uses."""
    things = " and ".join(f"{_a(f'{t.color} {t.shape}')} {_plain_verb(t)}" for t in scene.things)
    background = scene.background
    if background.kind in LANDSCAPES:
        where = LANDSCAPE_WORDS[background.kind][0]
    else:
        where = f"over {_a(background.color)} background"
    camera = "" if scene.camera == "static" else f", {CAMERA_WORDS[scene.camera][0]}"
    return Caption(f"{things} {where}{camera}", False)


def caption(scene: Scene, rng: random.Random) -> Caption:
    """One of the many wordings; a third are the plainest."""
    if rng.random() < 0.33:
        return plain_caption(scene)
    sizes = rng.random() < 0.6
    parts = [_a(_noun(t, sizes, rng)) + " " + _verb(t, rng) for t in scene.things]
    things = rng.choice((" and ", ", ", " while ")).join(parts)
    where = _where(scene, rng)
    text = f"{where}, {things}" if rng.random() < 0.15 else f"{things} {where}"
    text = rng.choice(OPENINGS) + text if not text.startswith(where) else text
    if scene.camera != "static" or rng.random() < 0.08:
        camera = rng.choice(CAMERA_WORDS[scene.camera])
        text = f"{text}, {camera}" if rng.random() < 0.8 else f"{camera}: {text}"
    if rng.random() < 0.08:  # words that change nothing
        text = f"{text}, {rng.choice(STYLES)}"
    if rng.random() < 0.4:
        text = text[0].upper() + text[1:] + rng.choice((".", ".", ""))
    said = sizes and scene.things[0].size != "medium"
    return Caption(text, said)


def vocabulary() -> list[str]:
    """Every word of the grammar, once."""
    tables = (SHAPE_WORDS, SIZE_WORDS, MOTION_WORDS, LANDSCAPE_WORDS, CAMERA_WORDS)
    phrases = [p for table in tables for words in table.values() for p in words]
    phrases += [*COLORS, *OPENINGS, *STYLES,
                "a an the and while slowly over on against before background backdrop gradient"]
    return sorted({word for phrase in phrases for word in phrase.replace("-", " ").split()})


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _noun(thing: Thing, say_size: bool, rng: random.Random) -> str:
    size = rng.choice(SIZE_WORDS[thing.size]) if say_size else ""
    words = (size, thing.color, rng.choice(SHAPE_WORDS[thing.shape]))
    return " ".join(word for word in words if word)


def _plain_verb(thing: Thing) -> str:
    verb = MOTION_WORDS[thing.motion][0]
    return f"slowly {verb}" if thing.slow else verb


def _verb(thing: Thing, rng: random.Random) -> str:
    verb = rng.choice(MOTION_WORDS[thing.motion])
    return f"slowly {verb}" if thing.slow and rng.random() < 0.8 else verb


def _where(scene: Scene, rng: random.Random) -> str:
    background = scene.background
    if background.kind in LANDSCAPES:
        return rng.choice(LANDSCAPE_WORDS[background.kind])
    kind = "gradient " if background.kind == "gradient" and rng.random() < 0.7 else ""
    of = f"{background.color} {kind}"
    return rng.choice((f"over {_a(of)}background", f"on {_a(of)}background", f"on {_a(of)}backdrop",
                       f"before {_a(of)}background", f"against {background.color}"))


def _thing_labels(thing: Thing) -> list[int]:
    return [list(COLORS).index(thing.color), SHAPES.index(thing.shape), MOTIONS.index(thing.motion)]
