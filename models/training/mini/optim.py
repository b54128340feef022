"""Muon for matrices, AdamW for the rest, and the schedule of their rates.

Muon: K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024), with the
update's size matched to AdamW's as in J. Liu et al., arXiv 2502.16982.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable

import torch


def orthogonalize(matrices: torch.Tensor, steps: int = 5) -> torch.Tensor:
    """The nearest semi-orthogonal matrices, roughly, of a batch (N, rows, columns)."""
    x = matrices.bfloat16()
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    tall = x.size(-2) > x.size(-1)
    x = x.mT if tall else x
    for _ in range(steps):
        gram = x @ x.mT
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return (x.mT if tall else x).float()


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalised; kernels count as matrices (out, in · k), equal shapes together."""

    def __init__(self, parameters: Iterable[torch.nn.Parameter], lr: float, momentum: float = 0.95,
                 weight_decay: float = 0.0):
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # noqa: ARG002 (the base class's signature)
        for group in self.param_groups:
            shapes = defaultdict(list)
            for p in group["params"]:
                if p.grad is not None:
                    shapes[p.shape].append(p)
            for alike in shapes.values():
                self._update(alike, group)

    def _update(self, parameters: list[torch.nn.Parameter], group: dict) -> None:
        moments = [self.state[p].setdefault("momentum", torch.zeros_like(p)) for p in parameters]
        gradients = [p.grad for p in parameters]
        torch._foreach_lerp_(moments, gradients, 1 - group["momentum"])
        ahead = torch._foreach_lerp(gradients, moments, group["momentum"])
        flat = torch.stack([a.reshape(a.shape[0], -1) for a in ahead])
        scale = 0.2 * math.sqrt(max(flat.shape[1:]))
        for p, change in zip(parameters, orthogonalize(flat), strict=True):
            p.mul_(1 - group["lr"] * group["weight_decay"])
            p.add_(change.view_as(p), alpha=-group["lr"] * scale)


class Optimizers:
    """A model's optimizers as one thing."""

    def __init__(self, matrices: list[torch.nn.Parameter], others: list[torch.nn.Parameter],
                 lr: float, betas: tuple[float, float] = (0.9, 0.98), weight_decay: float = 0.0):
        self.parameters = [*matrices, *others]
        self.lr = lr
        self.parts = [Muon(matrices, lr, weight_decay=weight_decay),
                      torch.optim.AdamW(others, lr, betas, weight_decay=weight_decay, fused=True)]

    def step(self, loss: torch.Tensor, rate: float) -> float:
        """One step at `rate` times the base rate; returns the gradient's norm."""
        for part in self.parts:
            part.zero_grad(set_to_none=True)
            for group in part.param_groups:
                group["lr"] = self.lr * rate
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        for part in self.parts:
            part.step()
        return float(norm)

    def state_dict(self) -> list[dict]:
        return [part.state_dict() for part in self.parts]

    def load_state_dict(self, state: list[dict]) -> None:
        for part, saved in zip(self.parts, state, strict=True):
            part.load_state_dict(saved)


def rate_at(step: int, total: int, warm_up: int = 100, decay: float = 0.3) -> float:
    """Warm up, stay, and fall in a straight line over the last `decay` of all steps."""
    left = max(total - step, 0) / max(decay * total, 1)
    return min((step + 1) / warm_up, 1.0, left + 0.01)
