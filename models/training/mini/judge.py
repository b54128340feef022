"""The judge: says from the frames alone what a clip with one thing shows.

Background: a line fitted per channel over the rows. Thing: the largest blob that differs from it.
Colour: the nearest of the palette in CIE L*a*b*. Shape: which harmonic of the outline's radius
(three, four or five corners, or none) is strongest. Motion: how the blob's centre, area and
orientation change. The model has no part in it; its test is that it reads true renders.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .scene import COLORS, SHAPES

DIFFERENT = 50.0     # RGB distance from the background that makes a thing
SMALLEST = 25        # pixels of a thing
ROUND = 0.045        # harmonics below this share of the radius: a circle
MOVED = 0.12         # of the frame's height
GREW, SHRANK = 1.35, 0.74  # area, end to begin
TURNED = 0.45        # radians
CORNERS = {"triangle": 3, "square": 4, "star": 5}


@dataclass(frozen=True)
class Blob:
    """A thing in one frame; `x`, `y` in pixels, `outline` the Fourier series of its radius."""

    area: float
    x: float
    y: float
    color: np.ndarray
    outline: np.ndarray
    touches_edge: bool


@dataclass(frozen=True)
class Verdict:
    """What a clip shows; None where there is nothing to see."""

    background: str
    color: str | None = None
    shape: str | None = None
    motion: str | None = None


def _lab(rgb: np.ndarray) -> np.ndarray:
    """sRGB 0 … 255 to CIE L*a*b* (D65), IEC 61966-2-1 and CIE 15."""
    x = np.asarray(rgb, np.float64) / 255
    x = np.where(x > 0.04045, ((x + 0.055) / 1.055) ** 2.4, x / 12.92)
    to_xyz = np.array(((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722),
                       (0.0193, 0.1192, 0.9505)))
    xyz = x @ to_xyz.T / (0.9505, 1.0, 1.089)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack((116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]),
                     200 * (f[..., 1] - f[..., 2])), -1)


PALETTE = _lab(np.array(list(COLORS.values())))
LIGHTNESS = np.array((0.55, 1.0, 1.0))  # shading and gradients change lightness most


def nearest_color(rgb: np.ndarray) -> str:
    far = (((_lab(rgb) - PALETTE) * LIGHTNESS) ** 2).sum(-1)
    return list(COLORS)[int(far.argmin())]


def fit_background(frame: np.ndarray) -> np.ndarray:
    """The background's colour of each row, (height, 3), from the left and right margins."""
    height = len(frame)
    margins = np.concatenate((frame[:, :6], frame[:, -6:]), 1)
    rows = np.median(margins, 1)
    basis = np.stack((np.ones(height), np.arange(height) / height), 1)
    weight = np.ones(height)
    for _ in range(8):
        scaled = basis * weight[:, None]
        line = np.linalg.lstsq(scaled, rows * weight[:, None], rcond=None)[0]
        error = np.abs(rows - basis @ line).sum(1)
        weight = 1 / (1 + (error / 12) ** 2)
    return basis @ line


def largest_blob(mask: np.ndarray) -> np.ndarray:
    """The connected part of `mask` around its densest place."""
    best = np.zeros_like(mask)
    left = mask.copy()
    for _ in range(4):
        if left.sum() <= best.sum():
            break
        blob = _flood(left, _densest(left))
        best = blob if blob.sum() > best.sum() else best
        left &= ~blob
    return best


def _densest(mask: np.ndarray) -> tuple[int, int]:
    total = np.pad(mask.astype(np.int32), 4).cumsum(0).cumsum(1)
    box = total[7:, 7:] - total[:-7, 7:] - total[7:, :-7] + total[:-7, :-7]
    box = np.where(mask, box[:mask.shape[0], :mask.shape[1]], -1)
    y, x = np.unravel_index(int(box.argmax()), box.shape)
    return int(y), int(x)


def _flood(mask: np.ndarray, seed: tuple[int, int]) -> np.ndarray:
    blob = np.zeros_like(mask)
    blob[seed] = True
    while True:
        wider = _grow(blob) & mask
        if (wider == blob).all():
            return blob
        blob = wider


def _grow(mask: np.ndarray) -> np.ndarray:
    wider = mask.copy()
    wider[1:] |= mask[:-1]
    wider[:-1] |= mask[1:]
    wider[:, 1:] |= mask[:, :-1]
    wider[:, :-1] |= mask[:, 1:]
    return wider


def find_blob(frame: np.ndarray, rows: np.ndarray) -> Blob | None:
    """The thing in a frame, given the background's rows."""
    frame = frame.astype(np.float64)
    far = np.sqrt(((frame - rows[:, None]) ** 2).sum(-1))
    blob = largest_blob(far > DIFFERENT)
    if blob.sum() < SMALLEST:
        return None
    core = ~_grow(~blob)
    color = np.median(frame[core if core.sum() >= 8 else blob], 0)
    # Partly covered pixels count by how far they are from background towards the thing.
    contrast = np.sqrt(((color - rows) ** 2).sum(-1))[:, None]
    alpha = np.clip(far / np.maximum(contrast, 1), 0, 1) * _grow(blob)
    ys, xs = np.mgrid[:frame.shape[0], :frame.shape[1]]
    area = alpha.sum()
    x, y = (alpha * xs).sum() / area, (alpha * ys).sum() / area
    edge = bool(blob[0].any() or blob[-1].any() or blob[:, 0].any() or blob[:, -1].any())
    return Blob(float(area), float(x), float(y), color, _outline(alpha, x, y), edge)


def _outline(alpha: np.ndarray, x: float, y: float, rays: int = 72) -> np.ndarray:
    """Fourier coefficients 0 … 8 of the covered length along rays from the centre."""
    angle = np.arange(rays)[:, None] * (2 * np.pi / rays)
    r = np.arange(0, 45, 0.5)[None]
    radius = _sample(alpha, x + np.cos(angle) * r, y + np.sin(angle) * r).sum(1) * 0.5
    return np.fft.rfft(radius)[:9] / rays


def _sample(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Bilinear, zero outside."""
    padded = np.pad(image, 1)
    x = np.clip(x + 1, 0, padded.shape[1] - 1.001)
    y = np.clip(y + 1, 0, padded.shape[0] - 1.001)
    x0, y0 = x.astype(int), y.astype(int)
    fx, fy = x - x0, y - y0
    top = padded[y0, x0] * (1 - fx) + padded[y0, x0 + 1] * fx
    return top * (1 - fy) + (padded[y0 + 1, x0] * (1 - fx) + padded[y0 + 1, x0 + 1] * fx) * fy


def shape_of(blobs: list[Blob]) -> str:
    """The shape, from the frames where all of it is seen if there are any."""
    whole = [b for b in blobs if not b.touches_edge] or blobs
    series = np.median([np.abs(b.outline) / max(abs(b.outline[0]), 1e-9) for b in whole], 0)
    strength = {name: 2 * series[corners] for name, corners in CORNERS.items()}
    best = max(strength, key=lambda name: strength[name])
    return best if strength[best] > ROUND else "circle"


def _turn(blobs: list[Blob], shape: str) -> float:
    """Radians that a shape turned over the clip."""
    corners = CORNERS.get(shape)
    if corners is None:
        return 0.0
    phase = np.unwrap([np.angle(b.outline[corners]) for b in blobs])
    return abs(float(phase[-1] - phase[0])) / corners


def motion_of(blobs: list[Blob], shape: str, height: int) -> str:
    """The motion, from blobs in order of time."""
    few = max(len(blobs) // 6, 1)
    first, last = blobs[:few], blobs[-few:]

    def change(name: str) -> float:
        return float(np.median([getattr(b, name) for b in last])
                     - np.median([getattr(b, name) for b in first]))

    dx, dy = change("x") / height, change("y") / height
    ratio = np.median([b.area for b in last]) / np.median([b.area for b in first])
    # A thing that grows at the frame's edge moves its visible centre a little, too.
    moved = MOVED if SHRANK / 1.3 < ratio < GREW * 1.3 else 2 * MOVED
    if max(abs(dx), abs(dy)) > moved:
        if abs(dx) > abs(dy):
            return "right" if dx > 0 else "left"
        return "down" if dy > 0 else "up"
    if ratio > GREW:
        return "grow"
    if ratio < SHRANK:
        return "shrink"
    return "rotate" if _turn(blobs, shape) > TURNED else "still"


def judge(frames: np.ndarray) -> Verdict:
    """What `frames`, uint8 (T, height, width, 3), show."""
    rows = [fit_background(frame.astype(np.float64)) for frame in frames]
    background = nearest_color(np.median([r.mean(0) for r in rows], 0))
    found = [find_blob(frame, r) for frame, r in zip(frames, rows, strict=True)]
    blobs = [b for b in found if b is not None]
    if len(blobs) < 0.6 * len(frames):
        return Verdict(background)
    shape = shape_of(blobs)
    assert shape in SHAPES
    color = nearest_color(np.median([b.color for b in blobs], 0))
    return Verdict(background, color, shape, motion_of(blobs, shape, frames.shape[1]))
