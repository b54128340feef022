"""PSNR over lanczos on held-out frames, and a picture of both."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from .degrade import SCALE, degrade, lanczos
from .draw import fonts, frame
from .network import SRVGGNetCompact
from .pool import HELD_OUT

BORDER = 4  # pixels at the edge that are not counted


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    cut = slice(BORDER, -BORDER)
    error = (a[cut, cut].astype(np.float64) - b[cut, cut]) ** 2
    return float(10 * np.log10(255**2 / max(error.mean(), 1e-10)))


def enlarged(model: SRVGGNetCompact, small: np.ndarray) -> np.ndarray:
    x = torch.from_numpy(small.astype(np.float32) / 255).permute(2, 0, 1)[None]
    with torch.inference_mode():
        y = model(x)[0].permute(1, 2, 0).clamp(0, 1)
    return (y.numpy() * 255 + 0.5).astype(np.uint8)


@functools.cache
def held_out(index: int) -> tuple[np.ndarray, np.ndarray]:
    """(small, true) of a frame that training never sees."""
    true = frame(HELD_OUT + index)
    return degrade(np.random.default_rng([HELD_OUT, index]), true), true


def measure(model: SRVGGNetCompact, count: int) -> dict[str, float]:
    """Mean PSNR of both, in dB, and in how many frames the model is better."""
    ours, theirs = [], []
    for index in range(count):
        small, true = held_out(index)
        ours.append(psnr(enlarged(model, small), true))
        theirs.append(psnr(lanczos(small), true))
    gain = np.array(ours) - np.array(theirs)
    return {"frames": count, "psnr": round(float(np.mean(ours)), 3),
            "psnr_lanczos": round(float(np.mean(theirs)), 3),
            "gain": round(float(gain.mean()), 3),
            "gain_worst": round(float(gain.min()), 3),
            "better": round(float((gain > 0).mean()), 4)}


def side_by_side(model: SRVGGNetCompact, path: Path, indices: list[int], crop: int = 168) -> None:
    """Rows of: given (pixels repeated), lanczos, learned, true."""
    names = ("given", "lanczos", "learned", "true")
    head = 18
    sheet = Image.new("RGB", (4 * crop + 6, head + len(indices) * (crop + 2)), "white")
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.truetype(next(f for f in fonts() if f.endswith("DejaVuSans.ttf")), 12)
    for column, name in enumerate(names):
        pen.text((column * (crop + 2) + 4, 2), name, fill="black", font=font)
    for row, index in enumerate(indices):
        small, true = held_out(index)
        given = small.repeat(SCALE, 0).repeat(SCALE, 1)
        middle = (true.shape[0] - crop) // 2
        for column, picture in enumerate((given, lanczos(small), enlarged(model, small), true)):
            part = Image.fromarray(picture[middle:middle + crop, middle:middle + crop])
            sheet.paste(part, (column * (crop + 2), head + row * (crop + 2)))
    sheet.quantize(224, dither=Image.Dither.NONE).save(path, optimize=True)
