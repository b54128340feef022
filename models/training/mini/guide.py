"""What helps the transformer see whole things: from the tokens in its middle, a linear layer must
tell where the thing is, which cells it covers, and its shape.

The flow's loss alone teaches that slowly: it is content with local patches that fit their
neighbours. Aligning the middle of a diffusion transformer with features that know the whole picture
speeds up training many times (S. Yu et al., "Representation Alignment for Generation", arXiv
2410.06940); here the renderer knows the features. The layer is not part of the model.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as functional

from .render import cover
from .scene import SHAPES, Clip

FRAMES = np.array((0, 2, 6, 10, 14))  # the middle of what each latent frame holds
CELL, CELLS = 4, 4                    # pixels of a cell; cells across a token
ROWS, COLUMNS = 4, 6                  # tokens of a latent frame
RATE = 3e-3
COVER, SHAPE, PLACE = 1.0, 0.2, 0.5   # weights


def truth(clip: Clip) -> tuple[torch.Tensor, torch.Tensor]:
    """Of each token, how much of its 16 cells the thing covers (120, 16), and where its centre is
    from there (120, 2), in frame heights."""
    times = clip.times[0] + FRAMES
    cells = torch.from_numpy(cover(clip.scene, times))
    cells = cells.view(5, ROWS * CELLS, CELL, COLUMNS * CELLS, CELL).mean((2, 4))
    cells = cells.view(5, ROWS, CELLS, COLUMNS, CELLS).transpose(2, 3).reshape(-1, CELLS * CELLS)
    center = torch.from_numpy(np.stack(clip.scene.things[0].centers(times), -1)).float()
    y, x = torch.meshgrid(torch.arange(ROWS) + 0.5, torch.arange(COLUMNS) + 0.5, indexing="ij")
    token = torch.stack((x, y), -1) / ROWS
    return cells, (center[:, None, None] - token).reshape(-1, 2)


class Guide(torch.nn.Module):
    """The linear layer and its optimizer."""

    def __init__(self, width: int):
        super().__init__()
        self.head = torch.nn.Linear(width, CELLS * CELLS + len(SHAPES) + 2)
        self.optimizer = torch.optim.AdamW(self.parameters(), RATE, weight_decay=0.0)
        self.known: dict[Clip, tuple[torch.Tensor, torch.Tensor]] = {}

    def resume(self, checkpoint: dict) -> None:
        """Go on from a transformer's checkpoint, as far as it has a guide's state."""
        if "guide" in checkpoint:
            self.load_state_dict(checkpoint["guide"])
        if "guide optimizer" in checkpoint:
            self.optimizer.load_state_dict(checkpoint["guide optimizer"])

    def loss(self, hidden: torch.Tensor, clips: list[Clip]) -> torch.Tensor:
        """The mean error about those clips that have one thing and a camera that stands still."""
        core = [i for i, clip in enumerate(clips) if clip.scene.is_core]
        for i in core:
            if clips[i] not in self.known:
                self.known[clips[i]] = truth(clips[i])
        cells, place = (torch.stack(part) for part in zip(*(self.known[clips[i]] for i in core),
                                                          strict=True))
        shape = torch.tensor([SHAPES.index(clips[i].scene.things[0].shape) for i in core])
        said = self.head(functional.layer_norm(hidden[core].float(), hidden.shape[-1:]))
        covers, shapes, places = said.split((CELLS * CELLS, len(SHAPES), 2), -1)
        shape = shape[:, None].expand(-1, hidden.shape[1])
        return (COVER * functional.binary_cross_entropy_with_logits(covers, cells)
                + SHAPE * functional.cross_entropy(shapes.flatten(0, 1), shape.flatten())
                + PLACE * functional.smooth_l1_loss(places, place, beta=0.2))
