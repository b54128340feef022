"""How loud each thing that a caption says is at the transformer's entrance.

Colour changes a thing's every latent and shape only its rim, so the text embedder learns within
minutes to say colour, and says it forty times louder than shape, which then is hardly heard for
hours. So from time to time it is fitted to say what is quiet in directions that it does not use.
"""

from __future__ import annotations

import random

from typing import TYPE_CHECKING

import torch

from .captions import SLOTS, caption
from .scene import sample_clip

if TYPE_CHECKING:
    from .transformer import Trainee

CAPTIONS, STEPS, RATE = 1500, 2500, 3e-3
HEARD = ("color", "shape", "motion", "size", "background")
QUIET = 0.4  # of the loudest; below half of this a slot is made so loud


def _rows(trainee: Trainee) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of text (N, width) of many captions, and what their captions say (N, slots)."""
    rng = random.Random("voices")
    scenes = [sample_clip(rng, 0.2, 0.0).scene for _ in range(CAPTIONS)]
    captions = [caption(scene, rng) for scene in scenes]
    labels = torch.tensor([c.labels(s) for c, s in zip(captions, scenes, strict=True)])
    rows = trainee.rows([c.text for c in captions])
    used = rows.abs().sum(-1) > 0
    return rows[used], labels[:, None].expand(-1, rows.shape[1], -1)[used]


def _answers(labels: torch.Tensor, slot: str) -> torch.Tensor:
    """A slot's answers one-hot, centred: (N, answers)."""
    one_hot = torch.nn.functional.one_hot(labels[:, list(SLOTS).index(slot)], SLOTS[slot]).float()
    return one_hot - one_hot.mean(0)


@torch.no_grad()
def loudness(said: torch.Tensor, labels: torch.Tensor) -> dict[str, float]:
    """The variance of `said` (N, width) between the answers of each slot."""
    found = {}
    for slot in HEARD:
        answers = _answers(labels, slot)
        means = torch.linalg.lstsq(answers, said - said.mean(0), driver="gelsd").solution
        found[slot] = float((answers @ means).square().sum(-1).mean())
    return found


def even_out(trainee: Trainee) -> dict[str, float]:
    """Fit the text embedder so that no slot is much quieter than the loudest, if one is; says how
    loud they are then. What it said before, and its answer to empty rows, stay."""
    embedder = trainee.model.condition_embedder.text_embedder
    rows, labels = _rows(trainee)
    with torch.no_grad():
        said = embedder(rows)
        before = loudness(said, labels)
        quiet = [slot for slot in HEARD if before[slot] < 0.5 * QUIET * max(before.values())]
        if not quiet:
            return before
        wanted = _louder(said, labels, quiet, QUIET * max(before.values()))
        nothing = torch.zeros(len(rows) // 50, rows.shape[1])
        rows, wanted = torch.cat((rows, nothing)), torch.cat((wanted, embedder(nothing)))
    _fit(embedder, rows, wanted)
    trainee.average.condition_embedder.text_embedder.load_state_dict(embedder.state_dict())
    with torch.no_grad():
        return loudness(embedder(rows[:len(labels)]), labels)


def _louder(said: torch.Tensor, labels: torch.Tensor, quiet: list[str],
            target: float) -> torch.Tensor:
    """`said` (N, width) and each quiet slot's answers, along the axes that vary least."""
    _, axes = torch.linalg.eigh(torch.cov(said.T))  # those that vary least come first
    for slot in quiet:
        answers = _answers(labels, slot)
        own, axes = axes.split((answers.shape[1], axes.shape[1] - answers.shape[1]), 1)
        said = said + (target / answers.square().sum(-1).mean()).sqrt() * answers @ own.T
    return said


def _fit(embedder: torch.nn.Module, rows: torch.Tensor, wanted: torch.Tensor) -> None:
    generator = torch.Generator().manual_seed(4)
    optimizer = torch.optim.AdamW(embedder.parameters(), RATE, weight_decay=0.0, fused=True)
    scale = torch.var(wanted, 0).sum()
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = RATE * (1 - step / STEPS)
        part = torch.randint(len(rows), (1024,), generator=generator)
        loss = (embedder(rows[part]) - wanted[part]).square().sum(-1).mean() / scale
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
