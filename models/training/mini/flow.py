"""The transformer as training and evaluation run it: diffusers' parameters, the same mathematics,
less work. Timesteps are given per latent frame, attention is plain batched products (faster than
the fused one on a CPU at these sizes), and the empty rows of text are counted, not computed.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as functional
from diffusers import WanTransformer3DModel

from .networks import FLOW_SHIFT, TEXT_ROWS, build_scheduler

ROWS = 48  # rows of text that are computed; the last one is always empty and stands for the rest
GUIDED = 3  # the block whose tokens are asked where the thing is (guide.py)
RopeTable = tuple[torch.Tensor, torch.Tensor]


def rope_table(model: WanTransformer3DModel, frames: int, height: int, width: int) -> RopeTable:
    """Cosines and sines (tokens, head_width / 2) of a latent of this size."""
    cos, sin = model.rope(torch.empty(1, 1, frames, height, width))
    return cos[0, :, 0, 0::2].float().contiguous(), sin[0, :, 0, 1::2].float().contiguous()


def empty_rows() -> torch.Tensor:
    """(ROWS): what is added to the attention's logits, so that the last row counts as many."""
    bias = torch.zeros(ROWS)
    bias[-1] = math.log(TEXT_ROWS - ROWS + 1)
    return bias


def _rotate(x: torch.Tensor, table: RopeTable) -> torch.Tensor:
    """Rotary position embedding of (B, N, heads, width)."""
    cos, sin = (part[None, :, None].to(x.dtype) for part in table)
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)


def _rms(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    scale = torch.rsqrt(x.float().square().mean(-1, keepdim=True) + 1e-6)
    return x * scale.to(x.dtype) * weight.to(x.dtype)


def _attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor,
            bias: torch.Tensor | None = None) -> torch.Tensor:
    """(B, N, heads, width) with keys (B, M, …); bias (M) is added to the logits."""
    b, n, heads, width = q.shape
    q, k, v = (x.to(v.dtype).transpose(1, 2).reshape(b * heads, -1, width) for x in (q, k, v))
    logits = torch.bmm(q * width ** -0.5, k.transpose(1, 2))
    if bias is not None:
        logits = logits.float() + bias
    weight = torch.softmax(logits, -1).to(v.dtype)
    return torch.bmm(weight, v).view(b, heads, n, width).transpose(1, 2).reshape(b, n, -1)


def _patches(x: torch.Tensor) -> torch.Tensor:
    """(B, C, F, H, W) to (B, F · H/2 · W/2, C · 4)."""
    b, c, f, h, w = x.shape
    x = x.view(b, c, f, h // 2, 2, w // 2, 2).permute(0, 2, 3, 5, 1, 4, 6)
    return x.reshape(b, f * (h // 2) * (w // 2), c * 4)


def _pixels(x: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    b, _, f, h, w = shape
    x = x.view(b, f, h // 2, w // 2, 2, 2, -1)
    return x.permute(0, 6, 1, 2, 4, 3, 5).reshape(b, -1, f, h, w)


def _norm(x: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    return functional.layer_norm(x, x.shape[-1:], eps=1e-6).to(x.dtype) * (1 + scale) + shift


def _block(block: torch.nn.Module, x: torch.Tensor, text: torch.Tensor, mods: list[torch.Tensor],
           table: RopeTable, bias: torch.Tensor) -> torch.Tensor:
    heads = block.attn1.heads
    shift, scale, gate, shift2, scale2, gate2 = mods

    def split(y: torch.Tensor) -> torch.Tensor:
        return y.unflatten(-1, (heads, -1))

    a, h = block.attn1, _norm(x, scale, shift)
    q = _rotate(split(_rms(a.to_q(h), a.norm_q.weight)), table)
    k = _rotate(split(_rms(a.to_k(h), a.norm_k.weight)), table)
    x = x + a.to_out[0](_attend(q, k, split(a.to_v(h)))) * gate
    a, n = block.attn2, block.norm2
    h = functional.layer_norm(x, x.shape[-1:], n.weight.to(x.dtype), n.bias.to(x.dtype),
                              1e-6).to(x.dtype)
    q, k = split(_rms(a.to_q(h), a.norm_q.weight)), split(_rms(a.to_k(text), a.norm_k.weight))
    x = x + a.to_out[0](_attend(q, k, split(a.to_v(text)), bias))
    inner, outer = block.ffn.net[0].proj, block.ffn.net[2]
    h = functional.gelu(inner(_norm(x, scale2, shift2)), approximate="tanh")
    return x + outer(h) * gate2


def velocity(model: WanTransformer3DModel, x: torch.Tensor, timesteps: torch.Tensor,
             text: torch.Tensor, table: RopeTable, bias: torch.Tensor) -> torch.Tensor:
    """The flow at latents (B, C, F, H, W), timesteps (B, F) in 0 … 1000, text (B, ROWS, width)."""
    return velocity_and_hidden(model, x, timesteps, text, table, bias)[0]


def velocity_and_hidden(model: WanTransformer3DModel, x: torch.Tensor, timesteps: torch.Tensor,
                        text: torch.Tensor, table: RopeTable,
                        bias: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The flow, and the tokens (B, F · H/2 · W/2, width) behind block GUIDED."""
    embedder, width = model.condition_embedder, model.patch_embedding.out_channels
    b, frames = timesteps.shape
    times = embedder.time_embedder(embedder.timesteps_proj(timesteps.flatten()).to(text.dtype))
    per_frame = embedder.time_proj(functional.silu(times)).view(b, frames, 6, width).float()
    text = embedder.text_embedder(text)
    h = functional.linear(_patches(x), model.patch_embedding.weight.view(width, -1),
                          model.patch_embedding.bias)
    tokens = h.shape[1] // frames

    def per_token(value: torch.Tensor) -> torch.Tensor:
        return value.repeat_interleave(tokens, 1).to(h.dtype)

    for n, block in enumerate(model.blocks):
        mods = block.scale_shift_table[None] + per_frame
        h = _block(block, h, text, [per_token(mods[:, :, i]) for i in range(6)], table, bias)
        if n == min(GUIDED, len(model.blocks) - 1):
            hidden = h
    last = model.scale_shift_table[None] + times.view(b, frames, 1, width).float()
    h = _norm(h, per_token(last[:, :, 1]), per_token(last[:, :, 0]))
    return _pixels(model.proj_out(h), x.shape), hidden


@torch.no_grad()
def sample(model: WanTransformer3DModel, text: torch.Tensor, noise: torch.Tensor,
           known: torch.Tensor | None = None, steps: int = 20, guidance: float = 5.0,
           shift: float = FLOW_SHIFT) -> torch.Tensor:
    """Latents by UniPC with guidance. `text` (2 B, ROWS, width) holds the captions' rows, then the
    empty caption's; `known` (B, C, k, H, W) are the first latent frames, as given."""
    b, _, frames, height, width = noise.shape
    table, bias = rope_table(model, frames, height, width), empty_rows()
    scheduler = build_scheduler(shift)
    scheduler.set_timesteps(steps)
    fixed = 0 if known is None else known.shape[2]
    x = noise
    for t in scheduler.timesteps:
        given = x if known is None else torch.cat((known, x[:, :, fixed:]), 2)
        times = torch.full((2 * b, frames), float(t))
        times[:, :fixed] = 0
        with torch.autocast("cpu", torch.bfloat16):
            flow = velocity(model, torch.cat((given, given)), times, text, table, bias).float()
        said, unsaid = flow.chunk(2)
        x = scheduler.step(unsaid + guidance * (said - unsaid), t, x, return_dict=False)[0]
    return x if known is None else torch.cat((known, x[:, :, fixed:]), 2)
