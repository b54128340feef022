"""Frames to learn from: geometry, gradients, text and texture, all drawn here from a seed.

A frame is drawn at twice its size and reduced by area, so that edges are antialiased as a
renderer's are. Nothing is read but the machine's fonts (DejaVu and Noto, which auteur needs anyway).
"""

from __future__ import annotations

import functools
import math
import string
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

SUPER = 2  # drawn that much larger
ZOOM = 2   # how large things are: as in a crop of a film's frame at delivery size
FONT_FOLDERS = ("/usr/share/fonts/truetype/dejavu", "/usr/share/fonts/truetype/noto")
FONT_NAMES = ("DejaVu", "NotoSans-", "NotoSerif-", "NotoSansMono-", "NotoMono", "NotoSansDisplay-")
WORDS = ("the a of and light scene take night city river over under camera film shot sound blue "
         "red open close run slow fast dream window door road north south seven 1984 24 fps END "
         "cut dissolve fade director colour sky sea ground machine paper silver glass").split()


@functools.cache
def fonts() -> tuple[str, ...]:
    found = [str(path) for folder in FONT_FOLDERS for path in sorted(Path(folder).glob("*.ttf"))
             if path.name.startswith(FONT_NAMES)]
    if not found:
        raise SystemExit("no fonts: install fonts-dejavu and fonts-noto-core")
    return tuple(found)


def colour(rng: np.random.Generator) -> tuple[int, int, int]:
    """Any colour, saturated ones and greys more often than a cube's corner is."""
    kind = rng.random()
    if kind < 0.25:
        grey = int(rng.integers(0, 256))
        return grey, grey, grey
    if kind < 0.6:
        rgb = rng.random(3)
        rgb = (rgb - rgb.min()) / max(float(np.ptp(rgb)), 1e-3) * rng.uniform(0.4, 1.0)
        return tuple(int(v) for v in 255 * rgb)
    return tuple(int(v) for v in rng.integers(0, 256, 3))


def gradient(rng: np.random.Generator, size: int) -> np.ndarray:
    """A straight or round gradient of two or three colours, (size, size, 3)."""
    y, x = np.mgrid[0:size, 0:size] / size - 0.5
    y, x = y.astype(np.float32), x.astype(np.float32)
    if rng.random() < 0.7:
        angle = rng.uniform(0, 2 * math.pi)
        t = (x * math.cos(angle) + y * math.sin(angle)) * rng.uniform(0.4, 1.2) + 0.5
    else:
        centre = rng.uniform(-0.5, 0.5, 2)
        t = np.hypot(x - centre[0], y - centre[1]) * rng.uniform(0.5, 1.6)
    stops = np.array([colour(rng) for _ in range(rng.integers(2, 4))], np.float32)
    places = np.linspace(0, 1, len(stops))
    return np.stack([np.interp(t, places, stops[:, i]) for i in range(3)], -1).astype(np.float32)


def clouds(rng: np.random.Generator, size: int, cells: int) -> np.ndarray:
    """Noise with detail at every scale from size / cells down, (size, size) in 0 … 1."""
    total, weight, amplitude = np.zeros((size, size), np.float32), 0.0, 1.0
    roughness = rng.uniform(0.3, 0.55)
    while cells < size // 2:
        small = Image.fromarray(rng.random((cells, cells)).astype(np.float32))
        total += amplitude * np.asarray(small.resize((size, size), Image.Resampling.BICUBIC))
        weight += amplitude
        amplitude *= roughness
        cells *= 2
    return np.clip(total / max(weight, 1e-6), 0, 1)


def stripes(rng: np.random.Generator, size: int) -> np.ndarray:
    """Waves: straight, round, or bent by noise as in wood, (size, size) in 0 … 1."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    angle = rng.uniform(0, math.pi)
    if rng.random() < 0.6:
        along = x * math.cos(angle) + y * math.sin(angle)
    else:
        centre = rng.uniform(0, size, 2)
        along = np.hypot(x - centre[0], y - centre[1])
    if rng.random() < 0.4:
        along = along + clouds(rng, size, 4) * rng.uniform(10, 80)
    wave = np.sin(along * 2 * math.pi / (rng.uniform(10, 60) * SUPER * ZOOM))
    if rng.random() < 0.4:
        wave = np.clip(wave * 6, -1, 1)
    return wave * 0.5 + 0.5


def tiles(rng: np.random.Generator, size: int) -> np.ndarray:
    """Bricks or a board of squares, turned, (size, size) in 0 … 1."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    angle = rng.uniform(0, math.pi) if rng.random() < 0.5 else 0.0
    u = x * math.cos(angle) + y * math.sin(angle)
    v = y * math.cos(angle) - x * math.sin(angle)
    side = rng.uniform(10, 48) * SUPER * ZOOM
    if rng.random() < 0.5:
        return ((u // side + v // side) % 2).astype(np.float32)
    row = v // side
    joint = rng.uniform(0.06, 0.2) * side
    shifted = u + (row % 2) * side
    value = 0.4 + 0.6 * np.modf(np.abs(np.sin(row * 12.9898 + shifted // (2 * side) * 78.2)) * 437)[0]
    return np.where((v % side < joint) | (shifted % (2 * side) < joint), 0.0, value)


def texture(rng: np.random.Generator, size: int) -> np.ndarray:
    """A pattern between two colours, (size, size, 3)."""
    kind = rng.random()
    if kind < 0.45:
        pattern = clouds(rng, size, int(rng.integers(2, 12)))
        spread = rng.uniform(1, 4)
        pattern = np.clip((pattern - 0.5) * spread + 0.5, 0, 1)
    elif kind < 0.75:
        pattern = stripes(rng, size)
    else:
        pattern = tiles(rng, size)
    low, high = np.array(colour(rng), np.float32), np.array(colour(rng), np.float32)
    return low + (high - low) * pattern[..., None].astype(np.float32) * np.float32(rng.uniform(0.3, 1.0))


def outline(rng: np.random.Generator, size: int) -> list[tuple[float, float]]:
    """The corners of a polygon, star or blob."""
    centre = rng.uniform(0, size, 2)
    radius = size * rng.uniform(0.03, 0.25) * ZOOM
    count = int(rng.integers(3, 9))
    turn = rng.uniform(0, 2 * math.pi)
    kind = rng.random()
    if kind < 0.35:  # regular
        radii = np.full(count, radius)
    elif kind < 0.65:  # a star
        count *= 2
        radii = np.where(np.arange(count) % 2 == 0, radius, radius * rng.uniform(0.35, 0.7))
    elif kind < 0.85:  # any polygon
        radii = radius * rng.uniform(0.4, 1.2, count)
    else:  # a blob
        steps = np.linspace(0, 2 * math.pi, 72, endpoint=False)
        waves = sum(rng.uniform(-0.2, 0.2) * np.sin(k * steps + rng.uniform(0, 6)) for k in (2, 3, 5))
        count, radii = 72, radius * (1 + waves)
    angles = turn + np.arange(count) * 2 * math.pi / count
    return [(centre[0] + r * math.cos(a), centre[1] + r * math.sin(a))
            for r, a in zip(radii, angles, strict=True)]


def draw_shape(rng: np.random.Generator, mask: ImageDraw.ImageDraw, size: int) -> None:
    kind = rng.random()
    if kind < 0.5:
        mask.polygon(outline(rng, size), fill=255)
    elif kind < 0.75:
        x, y = rng.uniform(0, size, 2)
        w, h = size * rng.uniform(0.04, 0.4, 2) if rng.random() < 0.5 else [size * rng.uniform(0.04, 0.4)] * 2
        ring = 0 if rng.random() < 0.7 else int(rng.integers(1, 8) * SUPER)
        box = (x - w, y - h, x + w, y + h)
        mask.ellipse(box, fill=None if ring else 255, outline=255, width=max(ring, 1))
    else:
        points = [tuple(rng.uniform(-0.1, 1.1, 2) * size) for _ in range(rng.integers(2, 6))]
        mask.line(points, fill=255, width=int(rng.integers(2, 9)) * SUPER * ZOOM, joint="curve")


def draw_text(rng: np.random.Generator, mask: ImageDraw.ImageDraw, size: int) -> None:
    font = ImageFont.truetype(str(rng.choice(fonts())), int(rng.uniform(14, 64) * SUPER * ZOOM))
    if rng.random() < 0.2:
        text = "".join(rng.choice(list(string.printable[:94]), 12))
    else:
        text = " ".join(rng.choice(WORDS, rng.integers(1, 6)))
    if rng.random() < 0.3:
        text = text.upper()
    lines = "\n".join([text] * int(rng.integers(1, 4)))
    mask.multiline_text(tuple(rng.uniform(-0.1, 0.8, 2) * size), lines, fill=255, font=font)


def fill(rng: np.random.Generator, size: int) -> np.ndarray:
    kind = rng.random()
    if kind < 0.5:
        return np.broadcast_to(np.array(colour(rng), np.float32), (size, size, 3))
    return gradient(rng, size) if kind < 0.75 else texture(rng, size)


def frame(seed: int, size: int = 256) -> np.ndarray:
    """The frame of a seed: (size, size, 3) uint8."""
    rng = np.random.default_rng(seed)
    large = size * SUPER
    picture = gradient(rng, large) if rng.random() < 0.6 else texture(rng, large)
    for _ in range(rng.integers(2, 8)):
        layer = Image.new("L", (large, large))
        pen = ImageDraw.Draw(layer)
        (draw_text if rng.random() < 0.35 else draw_shape)(rng, pen, large)
        if rng.random() < 0.25:  # turned
            layer = layer.rotate(rng.uniform(-30, 30), Image.Resampling.BICUBIC)
        if rng.random() < 0.15:  # out of focus, or a shadow
            layer = layer.filter(ImageFilter.GaussianBlur(rng.uniform(1, 8) * SUPER))
        alpha = np.asarray(layer, np.float32)[..., None] / 255
        if rng.random() < 0.2:
            alpha = alpha * np.float32(rng.uniform(0.2, 0.9))
        picture = picture + (fill(rng, large) - picture) * alpha
    if rng.random() < 0.06:  # grain that is part of the picture
        picture = picture + rng.normal(0, rng.uniform(2, 8), picture.shape)
    whole = Image.fromarray(np.clip(picture + 0.5, 0, 255).astype(np.uint8))
    return np.asarray(whole.reduce(SUPER))
