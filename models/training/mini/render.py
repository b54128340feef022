"""Pixels of scenes: anti-aliased from signed distances, shaded a little, one frame height = 1."""

from __future__ import annotations

import math

import numpy as np

from .scene import ASPECT, COLORS, HEIGHT, REACH, WIDTH, Background, Scene, Thing

CAMERA_FRAMES = 24  # a camera move ends after so many frames
SKY = np.array((120, 180, 240), np.float32)
SEA = np.array((15, 70, 130), np.float32)
GRASS = np.array((80, 160, 60), np.float32)
CLOUD = np.array((245, 247, 250), np.float32)


def render(scene: Scene, times: np.ndarray, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """Frames at `times`: uint8 (T, height, width, 3)."""
    t = np.asarray(times, np.float32)[:, None, None]
    x, y = _camera(scene.camera, t, *_grid(height, width))
    image = _paint_background(scene.background, x, y, t)
    for thing in scene.things:
        _paint_thing(image, thing, x, y, t, height)
    return np.clip(image, 0, 255).round().astype(np.uint8)


def cover(scene: Scene, times: np.ndarray) -> np.ndarray:
    """Where things are: float32 (T, height, width) in 0 … 1."""
    t = np.asarray(times, np.float32)[:, None, None]
    x, y = _camera(scene.camera, t, *_grid(HEIGHT, WIDTH))
    covered = np.zeros((len(times), HEIGHT, WIDTH), np.float32)
    for thing in scene.things:
        covered = np.maximum(covered, _coverage(thing, x, y, t, HEIGHT)[0])
    return covered


def _grid(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    ys = (np.arange(height, dtype=np.float32) + 0.5) / height
    xs = (np.arange(width, dtype=np.float32) + 0.5) / width * ASPECT
    return np.broadcast_to(xs[None, None, :], (1, height, width)), np.broadcast_to(
        ys[None, :, None], (1, height, width))


def _camera(move: str, t: np.ndarray, x: np.ndarray,
            y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """World coordinates of the pixels: the move is centred on the first window."""
    kind, _, way = move.partition(" ")
    part = np.minimum(t, CAMERA_FRAMES) / 16 - 0.5
    sign = 1 if way in ("right", "down", "out") else -1
    if kind == "pan":
        x = x + sign * 0.5 * part
    elif kind == "tilt":
        y = y + sign * 0.35 * part
    elif kind == "zoom":
        scale = np.exp(sign * 0.6 * part)
        x, y = (x - ASPECT / 2) * scale + ASPECT / 2, (y - 0.5) * scale + 0.5
    shape = (t.shape[0], *x.shape[1:])
    x, y = np.broadcast_to(x, shape), np.broadcast_to(y, shape)
    return x.astype(np.float32), y.astype(np.float32)


def _blend(image: np.ndarray, color: np.ndarray, alpha: np.ndarray) -> None:
    image += (color - image) * alpha[..., None]


def _paint_background(b: Background, x: np.ndarray, y: np.ndarray, t: np.ndarray) -> np.ndarray:
    if b.kind in ("plain", "gradient"):
        # Darker from the brighter end on, so that no channel is cut off at 255.
        ramp = (b.slope * (1 - 2 * y) - 0.9 * abs(b.slope))[..., None]
        base = np.array(COLORS[b.color], np.float32)
        return base * (1 + ramp) if b.color != "black" else base + 90 * abs(b.slope) + 90 * ramp
    image = SKY * (0.8 + 0.35 * np.clip(y, -0.3, 1.3))[..., None]
    for cloud_x, cloud_y, size in b.clouds:
        puff = np.zeros_like(x)
        for offset, part in ((-0.8, 0.7), (0.0, 1.0), (0.85, 0.65)):
            far = np.hypot(x - cloud_x - offset * size, (y - cloud_y) * 1.5)
            puff = np.maximum(puff, np.clip((size * part - far) / 0.05 + 0.5, 0, 1))
        _blend(image, CLOUD, 0.9 * puff)
    if b.kind == "sea":
        depth = np.clip((y - b.horizon) / (1 - b.horizon), 0, 1.5)
        waves = np.clip(np.sin(x * 9 + y * 60 + b.phase + t * 0.19) - 0.55, 0, 1)
        water = SEA * (1.15 - 0.45 * depth)[..., None] + 22 * waves[..., None]
        _blend(image, water, np.clip((y - b.horizon) * HEIGHT + 0.5, 0, 1))
    elif b.kind == "ground":
        hills = b.horizon + 0.06 * np.sin(x * 4.2 + b.phase)
        grass = GRASS * (1.1 - 0.5 * np.clip((y - hills) / 0.5, 0, 1))[..., None]
        _blend(image, grass, np.clip((y - hills) * HEIGHT + 0.5, 0, 1))
    return image


def _coverage(thing: Thing, x: np.ndarray, y: np.ndarray, t: np.ndarray,
              height: int) -> tuple[np.ndarray, np.ndarray]:
    """How much of each pixel a thing covers, and its shading (light from above left)."""
    frames = t[:, 0, 0]
    center_x, center_y = thing.centers(frames)
    column = (slice(None), None, None)
    dx = x - center_x.astype(np.float32)[column]
    dy = y - center_y.astype(np.float32)[column]
    radius = thing.radii(frames).astype(np.float32)[column]
    far = distance(thing.shape, dx, dy, radius, thing.angles(frames).astype(np.float32)[column])
    shade = 1 - 0.15 * np.clip((0.6 * dx + 0.8 * dy) / radius, -1.3, 1.3)
    return np.clip(0.5 - far * height, 0, 1), shade


def _paint_thing(image: np.ndarray, thing: Thing, x: np.ndarray, y: np.ndarray, t: np.ndarray,
                 height: int) -> None:
    covered, shade = _coverage(thing, x, y, t, height)
    color = np.array(COLORS[thing.color], np.float32) * shade[..., None]
    _blend(image, color, covered)


def distance(shape: str, dx: np.ndarray, dy: np.ndarray, radius: np.ndarray,
             angle: np.ndarray) -> np.ndarray:
    """Signed distance to the outline, negative inside; exact near it."""
    r = np.hypot(dx, dy)
    if shape == "circle":
        return r - radius
    corners = {"triangle": 3, "square": 4, "star": 5}[shape]
    half = math.pi / corners
    tip = REACH[shape] * radius
    # The angle from the nearest corner, folded to 0 … half: one edge is left to look at.
    fold = np.abs(np.mod(np.arctan2(dy, dx) - angle + half, 2 * half) - half)
    if shape != "star":
        return r * np.cos(half - fold) - tip * math.cos(half)
    notch = 0.45 * tip
    edge_x, edge_y = notch * math.cos(half) - tip, notch * math.sin(half)
    px, py = r * np.cos(fold) - tip, r * np.sin(fold)
    return (px * edge_y - py * edge_x) / np.hypot(edge_x, edge_y)
