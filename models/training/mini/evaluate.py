"""What the model makes of captions it never saw, read by the judge; and how it goes on.

Every figure stands beside the one that is aimed at. Text alone: combinations that were held out.
First frame: how well it is kept. Handoff: four chunks of one shot, each from the tail of the one
before; with the tail dropped on purpose the figures must fall, or they measure nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKLWan

from .captions import Caption, plain_caption
from .figures import (
    AIMS,
    Handoff,
    by_question,
    drifting_scenes,
    held_out_scenes,
    hits,
    psnr_of,
)
from .flow import sample
from .judge import judge
from .latents import denormalize, normalize
from .networks import LATENT_SHAPE
from .render import render
from .scene import Scene
from .transformer import Trainee
from .vae import decode, encode, frames, pixels

BATCH = 8


@dataclass
class Sampler:
    """The whole model: captions and known frames to frames."""

    trainee: Trainee
    vae: AutoencoderKLWan
    mean: torch.Tensor
    std: torch.Tensor
    steps: int = 20
    guidance: float = 5.0
    shift: float = 3.0

    @torch.no_grad()
    def __call__(self, texts: list[str], seed: int,
                 known: list[np.ndarray] | None = None) -> list[np.ndarray]:
        """Clips of 17 frames; `known` gives each the same number of first frames (1 or 5)."""
        generator = torch.Generator().manual_seed(seed)
        noise = torch.randn(len(texts), *LATENT_SHAPE, generator=generator)
        rows = self.trainee.rows([*texts, *[""] * len(texts)])
        given = None if known is None else self._encode(known)
        made = sample(self.trainee.average, rows, noise, given, self.steps, self.guidance,
                      self.shift)
        return self._decode(made)

    def _encode(self, known: list[np.ndarray]) -> torch.Tensor:
        videos = torch.stack([pixels(k) for k in known])
        with torch.autocast("cpu", torch.bfloat16):
            return normalize(encode(self.vae, videos)[0], self.mean, self.std)

    def _decode(self, latents: torch.Tensor) -> list[np.ndarray]:
        with torch.autocast("cpu", torch.bfloat16):
            videos = decode(self.vae, denormalize(latents, self.mean, self.std))
        return [frames(video) for video in videos]


def score(clips: list[np.ndarray], scenes: list[Scene]) -> dict[str, float]:
    """Shares that the judge reads as asked. Rotation is reported apart, as no figure asks it."""
    rows = [hits(judge(clip), scene) for clip, scene in zip(clips, scenes, strict=True)]
    return {name: float(np.mean(hit)) for name, hit in by_question(rows).items()}


def _in_batches(sampler: Sampler, texts: list[str],
                known: list[np.ndarray] | None = None) -> list[np.ndarray]:
    clips: list[np.ndarray] = []
    for first in range(0, len(texts), BATCH):
        part = slice(first, first + BATCH)
        clips += sampler(texts[part], first, None if known is None else known[part])
    return clips


def from_text(sampler: Sampler, count: int) -> tuple[dict[str, float], list[np.ndarray],
                                                     list[Caption]]:
    """The judge's figures for held-out captions, and for the same clips against wrong ones."""
    scenes = held_out_scenes(count, "text")
    captions = [plain_caption(scene) for scene in scenes]
    clips = _in_batches(sampler, [c.text for c in captions])
    figures = score(clips, scenes)
    shuffled = score(clips, scenes[count // 2:] + scenes[:count // 2])
    figures.update({f"shuffled_{name}": value for name, value in shuffled.items()})
    return figures, clips, captions


def from_first_frame(sampler: Sampler, count: int) -> dict[str, float]:
    """Whether the given picture is kept, and what the judge reads."""
    scenes = held_out_scenes(count, "first frame")
    given = [render(scene, np.arange(1)) for scene in scenes]
    clips = _in_batches(sampler, [plain_caption(s).text for s in scenes], given)
    kept = [psnr_of(clip[0], first[0]) for clip, first in zip(clips, given, strict=True)]
    return {"first_frame_db": float(np.mean(kept)), **score(clips, scenes)}


def handoff(sampler: Sampler, count: int, tail: int, chunks: int = 4,
            drop: bool = False) -> dict[str, float]:
    """Shots of several chunks; `tail` frames are handed on, or none if they are dropped."""
    scenes = drifting_scenes(count)
    texts = [plain_caption(s).text for s in scenes]
    shots = _in_batches(sampler, texts, [render(s, np.arange(5)) for s in scenes])
    for chunk in range(1, chunks):
        sampler_seed = 1000 * chunk
        for first in range(0, count, BATCH):
            part = slice(first, first + BATCH)
            given = None if drop else [shot[-tail:] for shot in shots[part]]
            made = sampler(texts[part], sampler_seed + first, given)
            shots[part] = [np.concatenate((shot, clip[tail:]))
                           for shot, clip in zip(shots[part], made, strict=True)]
    result = Handoff()
    for shot, scene in zip(shots, scenes, strict=True):
        result.add(shot, scene, tail, chunks)
    return result.figures()


def seeds_matter(sampler: Sampler) -> dict[str, bool]:
    text = [plain_caption(held_out_scenes(1, "seeds")[0]).text]
    first, again, other = sampler(text, 1)[0], sampler(text, 1)[0], sampler(text, 2)[0]
    return {"same_seed_same_frames": bool((first == again).all()),
            "other_seed_other_frames": bool((first != other).any())}


def contact_sheet(clips: list[np.ndarray], captions: list[Caption], path: Path) -> None:
    """Five frames of each clip under its caption, two clips to a row."""
    from PIL import Image, ImageDraw
    height, width = clips[0].shape[1:3]
    rows = -(-len(clips) // 2)
    sheet = Image.new("RGB", (10 * width + 8, rows * (height + 14)), "white")
    draw = ImageDraw.Draw(sheet)
    for i, (clip, text) in enumerate(zip(clips, captions, strict=True)):
        left, top = (i % 2) * (5 * width + 8), (i // 2) * (height + 14)
        draw.text((left + 2, top + 1), text.text, fill="black")
        for k, frame in enumerate(np.linspace(0, len(clip) - 1, 5).astype(int)):
            sheet.paste(Image.fromarray(clip[frame]), (left + k * width, top + 14))
    sheet.save(path)


def table(name: str, figures: dict[str, float]) -> str:
    """Lines "what, measured, aimed at"."""
    lines = [f"{name}:"]
    for key, value in figures.items():
        aim = f"  (aim {AIMS[key]:g})" if key in AIMS else ""
        lines.append(f"  {key:26} {value:8.3f}{aim}")
    return "\n".join(lines)
