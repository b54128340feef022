"""Clips as the transformer sees them: latents, where things are, and which captions fit.

They are made in shards of 256 and kept, because rendering and encoding cost less than a training
step but not nothing. What a shard holds depends on its kind and number alone. There are two kinds:
clips of all sorts, and families, which are four clips in a row that differ in the shape alone.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from diffusers import AutoencoderKLWan

from .networks import LATENT_CHANNELS
from .render import cover, render
from .scene import SHAPES, Clip, sample_clip, sample_core, with_each_shape
from .state import Run
from .vae import encode, pixels

SHARD = 256
FAMILY = len(SHAPES)
BATCH = 4
RICH, LATER = 0.15, 0.35


def clips_of(shard: int) -> list[Clip]:
    rng = random.Random(f"shard {shard}")
    return [sample_clip(rng, RICH, LATER) for _ in range(SHARD)]


def families_of(shard: int) -> list[Clip]:
    """Drawn with the shape that reaches farthest, so that the others have room as well."""
    rng = random.Random(f"families {shard}")
    made: list[Clip] = []
    while len(made) < SHARD:
        scene = sample_core(rng)
        family = with_each_shape(scene) if scene.things[0].shape == SHAPES[-1] else None
        made += [Clip(member) for member in family or ()]
    return made


KINDS = {"clips": clips_of, "families": families_of}


def fingerprint(clips: list[Clip]) -> str:
    """Tells clips of another version of the scenes' code, whose captions would not fit."""
    return hashlib.sha256(repr(clips).encode()).hexdigest()


def _known_at_least(clip: Clip) -> int:
    """Latent frames that must be given so that caption and frames agree."""
    if clip.shows_caption():
        return 0
    return 1 if clip.begins_as_caption() else 2


@torch.no_grad()
def encode_clips(vae: AutoencoderKLWan, clips: list[Clip]) -> torch.Tensor:
    """Raw latents (N, 16, 5, 8, 12), half precision."""
    made = []
    for first in range(0, len(clips), BATCH):
        videos = torch.stack([pixels(render(c.scene, c.times)) for c in clips[first:first + BATCH]])
        with torch.autocast("cpu", torch.bfloat16):
            made.append(encode(vae, videos)[0].half())
    return torch.cat(made)


def thing_masks(clips: list[Clip]) -> torch.Tensor:
    """Which latents (N, 5, 8, 12) a thing touches."""
    masks = []
    for clip in clips:
        covered = torch.from_numpy(cover(clip.scene, clip.times))[None, None]
        later = functional.max_pool3d(covered[:, :, 1:], (4, 8, 8))
        masks.append(torch.cat((functional.max_pool3d(covered[:, :, :1], (1, 8, 8)), later), 2))
    return torch.cat(masks)[:, 0] > 0.05


@dataclass
class Clips:
    """The clips of a kind at hand; more come while training goes on."""

    run: Run
    vae: AutoencoderKLWan
    mean: torch.Tensor
    std: torch.Tensor
    kind: str = "clips"

    def __post_init__(self) -> None:
        self.clips: list[Clip] = []
        self.latents = torch.empty(0, LATENT_CHANNELS, 5, 8, 12, dtype=torch.half)
        self.masks = torch.empty(0, 5, 8, 12, dtype=torch.bool)
        self.known = torch.empty(0, dtype=torch.long)

    def __len__(self) -> int:
        return len(self.clips)

    def grow(self, shards: int) -> None:
        """Have at least so many shards, from the folder or made anew."""
        for shard in range(len(self) // SHARD, shards):
            clips = KINDS[self.kind](shard)
            saved = _shard(self.run, self.vae, f"{self.kind}-{shard:03d}", clips)
            self.clips += clips
            self.latents = torch.cat((self.latents, saved["latents"]))
            self.masks = torch.cat((self.masks, saved["masks"]))
            self.known = torch.cat((self.known, torch.tensor([_known_at_least(c) for c in clips])))

    def normalized(self, index: torch.Tensor) -> torch.Tensor:
        return normalize(self.latents[index].float(), self.mean, self.std)


def normalize(latents: torch.Tensor, mean: torch.Tensor, std: torch.Tensor) -> torch.Tensor:
    shape = (1, -1, 1, 1, 1)
    return (latents - mean.view(shape)) / std.view(shape)


def denormalize(latents: torch.Tensor, mean: torch.Tensor, std: torch.Tensor) -> torch.Tensor:
    shape = (1, -1, 1, 1, 1)
    return latents * std.view(shape) + mean.view(shape)


def _shard(run: Run, vae: AutoencoderKLWan, name: str, clips: list[Clip]) -> dict:
    saved, made_of = run.load(name), fingerprint(clips)
    if saved is None or saved["made_of"] != made_of:
        saved = {"latents": encode_clips(vae, clips), "masks": thing_masks(clips),
                 "made_of": made_of}
        run.save(name, saved)
    return saved


def statistics(run: Run, vae: AutoencoderKLWan) -> tuple[torch.Tensor, torch.Tensor]:
    """The latents' mean and standard deviation per channel, for the autoencoder's config."""
    saved = run.load("statistics")
    if saved is None:
        clips = Clips(run, vae, torch.zeros(LATENT_CHANNELS), torch.ones(LATENT_CHANNELS))
        clips.grow(2)
        latents = clips.latents.float()
        found = {"mean": latents.mean((0, 2, 3, 4)), "std": latents.std((0, 2, 3, 4))}
        saved = {name: value.double().round(decimals=4) for name, value in found.items()}
        run.save("statistics", saved)
        run.log("latents", **{name: value.tolist() for name, value in saved.items()})
    return saved["mean"].float(), saved["std"].float()
