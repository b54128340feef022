"""Stage 2: the tokenizer, and the text encoder, which learns to read before it is frozen.

Trained jointly with the transformer it never learned which colour belongs to what. Alone, every
piece of a caption has to say, through one linear layer, each thing that the caption says.
"""

from __future__ import annotations

import random

import torch
import torch.nn.functional as functional
from transformers import UMT5EncoderModel

from .captions import SLOTS, caption
from .networks import TEXT_WIDTH, build_text_encoder
from .optim import Optimizers, rate_at
from .scene import sample_clip
from .state import Average, Pace, Run
from .tokenizer import Encoder, split_words
from .tokenizer import train as train_tokenizer

RATE, BATCH = 3e-3, 48


def as_rows(encoder: Encoder, texts: list[str], rows: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and mask (B, rows), padded to `rows` or to the longest."""
    ids = [encoder.ids(text) for text in texts]
    rows = rows or max(map(len, ids))
    table = torch.zeros(len(texts), rows, dtype=torch.long)
    for row, line in zip(table, ids, strict=True):
        kept = line[:rows]
        row[:len(kept)] = torch.tensor(kept)
    return table, (table != 0).long()


def embed(model: UMT5EncoderModel, encoder: Encoder, texts: list[str], rows: int) -> torch.Tensor:
    """(B, rows, width), zero after each text's end, as the pipelines pad."""
    ids, mask = as_rows(encoder, texts)
    states = model(input_ids=ids, attention_mask=mask).last_hidden_state * mask[..., None]
    return functional.pad(states[:, :rows], (0, 0, 0, max(rows - states.shape[1], 0)))


class _Reader(torch.nn.Module):
    """The text encoder and the linear layer that reads the slots off every piece."""

    def __init__(self, pieces: int):
        super().__init__()
        self.encoder = build_text_encoder(pieces)
        self.head = torch.nn.Linear(TEXT_WIDTH, sum(SLOTS.values()))

    def forward(self, ids: torch.Tensor, mask: torch.Tensor,
                labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss, and the share of pieces that are right about everything."""
        states = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        loss, right = torch.zeros(()), mask.bool()
        answers_of = self.head(states).split(list(SLOTS.values()), -1)
        for answers, wanted in zip(answers_of, labels.T, strict=True):
            wanted = wanted[:, None].expand_as(mask)
            wrong = functional.cross_entropy(answers.flatten(0, 1), wanted.flatten(),
                                             reduction="none")
            loss = loss + (wrong * mask.flatten()).sum() / mask.sum()
            right = right & (answers.argmax(-1) == wanted)
        return loss, right.sum() / mask.sum()


def _optimizers(model: _Reader) -> Optimizers:
    matrices = [p for name, p in model.named_parameters()
                if p.ndim == 2 and ".block." in name and "relative" not in name]
    names = {id(p) for p in matrices}
    return Optimizers(matrices, [p for p in model.parameters() if id(p) not in names], RATE)


def _batch(encoder: Encoder, rng: random.Random) -> tuple[torch.Tensor, ...]:
    scenes = [sample_clip(rng, 0.5, 0.0).scene for _ in range(BATCH)]
    captions = [caption(scene, rng) for scene in scenes]
    labels = torch.tensor([c.labels(s) for c, s in zip(captions, scenes, strict=True)])
    return (*as_rows(encoder, [c.text for c in captions]), labels)


def trained_tokenizer(run: Run) -> bytes:
    """The tokenizer's file, trained once."""
    path = run.folder / "spiece.model"
    if not path.exists():
        model = train_tokenizer()
        run.log("tokenizer", pieces=len(Encoder(model)), split_words=split_words(model))
        path.write_bytes(model)
    return path.read_bytes()


def trained(run: Run, encoder: Encoder, steps: int, pace: Pace) -> UMT5EncoderModel:
    """The frozen text encoder."""
    torch.manual_seed(1)
    model, done = _Reader(len(encoder)), 0
    optimizers = _optimizers(model)
    saved = run.load("text")
    if saved:
        model.load_state_dict(saved["model"])
        optimizers.load_state_dict(saved["optimizers"])
        done = saved["step"]
    average = Average(0.95)
    for step in range(done, steps):
        loss, right = model(*_batch(encoder, random.Random(f"text {step}")))
        average.add(loss=float(loss.detach()), right=float(right))
        optimizers.step(loss, rate_at(step, steps, 50))
        if pace.due() or step + 1 in (100, 300, steps):
            run.log("text", step=step + 1, **average.values)
            run.save("text", {"model": model.state_dict(), "step": step + 1,
                              "optimizers": optimizers.state_dict()})
    return model.encoder.eval().requires_grad_(False)
