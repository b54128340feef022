"""Stage 1: the autoencoder. First jointly, then the decoder alone against a frozen encoder.

The clips' flat backgrounds are learned at once; shapes live in the few pixels of their outlines.
So pixels of things and around them weigh more, and differences of neighbours count as well.
"""

from __future__ import annotations

import math
import random

import numpy as np
import torch
import torch.nn.functional as functional
from diffusers import AutoencoderKLWan
from diffusers.models.autoencoders.autoencoder_kl_wan import unpatchify

from .networks import LATENT_CHANNELS, build_vae
from .optim import Optimizers, rate_at
from .render import cover, render
from .scene import FRAMES, HEIGHT, WIDTH, Clip, sample_clip, sample_core
from .state import Average, Pace, Run

RATE = 1.2e-3
LATENT_NOISE = 0.08  # makes the decoder forgive what the transformer gets slightly wrong


def pixels(frames: np.ndarray) -> torch.Tensor:
    """uint8 (T, h, w, 3) to float (3, T, h, w) in -1 … 1."""
    return torch.from_numpy(np.ascontiguousarray(frames)).permute(3, 0, 1, 2).float() / 127.5 - 1


def frames(video: torch.Tensor) -> np.ndarray:
    """float (3, T, h, w) in -1 … 1 to uint8 (T, h, w, 3)."""
    return ((video.float().clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 3, 0).numpy()


def encode(vae: AutoencoderKLWan, video: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and log variance of the latents of (B, 3, T, h, w)."""
    posterior = vae.encode(video).latent_dist
    return posterior.mean.float(), posterior.logvar.float().clamp(-12, 4)


def decode(vae: AutoencoderKLWan, latents: torch.Tensor) -> torch.Tensor:
    """As vae.decode, but without its clamp, which would stop gradients."""
    vae.clear_cache()
    hidden = vae.post_quant_conv(latents)
    parts = []
    for i in range(latents.shape[2]):
        vae._conv_idx = [0]
        parts.append(vae.decoder(hidden[:, :, i:i + 1], feat_cache=vae._feat_map,
                                 feat_idx=vae._conv_idx, first_chunk=i == 0))
    vae.clear_cache()
    return unpatchify(torch.cat(parts, 2), vae.config.patch_size)


def psnr(error: float, peak: float = 2.0) -> float:
    """Decibels of a mean squared error."""
    return 10 * math.log10(peak * peak / max(error, 1e-12))


def _example(rng: random.Random, length: int, crop: int | None) -> tuple[torch.Tensor, ...]:
    """Part of a clip and the weight of its pixels."""
    clip = sample_clip(rng, rich=0.35, later=0.3)
    first = rng.randint(0, FRAMES - length)
    times = clip.times[first:first + length]
    video = pixels(render(clip.scene, times))
    weight = torch.from_numpy((cover(clip.scene, times) > 0.02).astype(np.float32))
    weight = 1 + 4 * functional.max_pool2d(weight[:, None], 5, 1, 2)[:, 0]
    if crop is not None:
        video, weight = video[..., crop:crop + HEIGHT], weight[..., crop:crop + HEIGHT]
    return video, weight / weight.mean()


def _batch(rng: random.Random, step: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Mostly square crops of nine frames, every third step a whole clip."""
    whole = step % 3 == 0
    crop = None if whole else rng.choice((0, 16, WIDTH - HEIGHT))
    examples = [_example(rng, FRAMES if whole else 9, crop) for _ in range(1 if whole else 3)]
    videos, weights = zip(*examples, strict=True)
    return torch.stack(videos), torch.stack(weights)[:, None]


def _distance(made: torch.Tensor, true: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Weighted L1 and squared error, and L1 of the differences of neighbouring pixels."""
    error = made.float() - true
    across = (error[..., 1:] - error[..., :-1]).abs() * weight[..., 1:]
    along = (error[..., 1:, :] - error[..., :-1, :]).abs() * weight[..., 1:, :]
    return ((weight * error.abs()).mean() + 2 * (weight * error.square()).mean()
            + 0.4 * (across.mean() + along.mean()))


def _joint_loss(vae: AutoencoderKLWan, video: torch.Tensor,
                weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    mean, log_variance = encode(vae, video)
    made = decode(vae, mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance))
    divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
    return _distance(made, video, weight) + 1e-4 * divergence, made


def _decoder_loss(vae: AutoencoderKLWan, video: torch.Tensor,
                  weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    with torch.no_grad():
        latents, _ = encode(vae, video)
    made = decode(vae, latents + LATENT_NOISE * torch.randn_like(latents))
    return _distance(made, video, weight), made


def _optimizers(vae: AutoencoderKLWan) -> Optimizers:
    trained = [p for p in vae.parameters() if p.requires_grad]
    kernels = [p for p in trained if p.ndim >= 4 and p.numel() > 256 and p.shape[1] > 1]
    names = {id(p) for p in kernels}
    return Optimizers(kernels, [p for p in trained if id(p) not in names], RATE, (0.9, 0.99))


@torch.no_grad()
def validate(vae: AutoencoderKLWan, count: int = 10) -> dict[str, float]:
    """PSNR of clips with one thing: of all pixels, and of things and what is near them."""
    rng = random.Random(999)
    everything, things = [], []
    for _ in range(count):
        clip = Clip(sample_core(rng, held_out=True))
        video = pixels(render(clip.scene, clip.times))[None]
        near = functional.max_pool2d(torch.from_numpy(cover(clip.scene, clip.times))[:, None], 5, 1,
                                     2)[:, 0] > 0.02
        with torch.autocast("cpu", torch.bfloat16):
            made = decode(vae, encode(vae, video)[0])
        error = (made.float().clamp(-1, 1) - video).square().mean((0, 1))
        everything.append(psnr(float(error.mean())))
        things.append(psnr(float(error[near].mean())))
    return {"psnr": float(np.mean(everything)), "psnr_things": float(np.mean(things))}


def fresh() -> AutoencoderKLWan:
    """Starts with almost no noise on the latents."""
    torch.manual_seed(0)
    vae = build_vae()
    with torch.no_grad():
        vae.quant_conv.weight[LATENT_CHANNELS:] *= 0.2
        vae.quant_conv.bias.zero_()
        vae.quant_conv.bias[LATENT_CHANNELS:] = -5.0
    return vae


def train(run: Run, name: str, vae: AutoencoderKLWan, steps: int, joint: bool, pace: Pace) -> None:
    """One phase, from its checkpoint if there is one."""
    vae.train().requires_grad_(True)
    if not joint:
        vae.encoder.requires_grad_(False)
        vae.quant_conv.requires_grad_(False)
    optimizers, done = _optimizers(vae), 0
    saved = run.load(name)
    if saved:
        vae.load_state_dict(saved["model"])
        optimizers.load_state_dict(saved["optimizers"])
        done = saved["step"]

    def keep(step: int, average: Average) -> None:
        run.log(name, step=step, **average.values, **validate(vae))
        run.save(name, {"model": vae.state_dict(), "optimizers": optimizers.state_dict(),
                        "step": step})

    average = Average()
    loss_of = _joint_loss if joint else _decoder_loss
    for step in range(done, steps):
        torch.manual_seed(step)
        video, weight = _batch(random.Random(f"{name} {step}"), step)
        with torch.autocast("cpu", torch.bfloat16):
            loss, made = loss_of(vae, video, weight)
        error = float((made.detach().float() - video).square().mean())
        average.add(loss=float(loss.detach()), train_psnr=psnr(error))
        optimizers.step(loss, rate_at(step, steps, 50, 0.8))
        if pace.due() or step == 100:
            keep(step + 1, average)
    if done < steps:
        keep(steps, average)
