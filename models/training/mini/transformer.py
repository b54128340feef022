"""Stage 3: the diffusion transformer, by flow matching (Y. Lipman et al., arXiv 2210.02747).

Each example is text alone, or goes on from a first frame or from a tail of five (one or two latent
frames, which stay clean at timestep 0 and out of the loss). Motion and colour are decided at high
noise and shape at middle noise, so the first part of training looks more at the former and the
second at the latter.
"""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as functional
from diffusers import WanTransformer3DModel
from transformers import UMT5EncoderModel

from .captions import caption, plain_caption
from .flow import ROWS, empty_rows, rope_table, velocity_and_hidden
from .guide import Guide
from .latents import FAMILY, SHARD, Clips, encode_clips, normalize, thing_masks
from .networks import LATENT_SHAPE, TransformerSize, build_transformer
from .optim import Optimizers, rate_at
from .scene import MOTIONS, SHAPES, Clip, Scene, sample_core
from .state import Average, Pace, Run
from .text import embed
from .tokenizer import Encoder
from .voices import even_out

RATE, BATCH = 3e-3, 16
FAMILIES = 2              # of each batch; the rest are clips of all sorts
SHAPE_WEIGHT = 6.0        # what tells a family's members apart weighs 1 + this
SHAPE_NOISE = (0.65, 0.97)
EMPTY = 0.2               # share of empty captions outside families, for guidance
KNOWN = (0.3, 0.25, 0.45)  # shares of text alone, first frame, tail; families are text alone
THING_WEIGHT = 2.0        # latents of things weigh 1 + this
KNOWN_NOISE = 0.05        # on given latents: at a handoff they come from decoded frames
SHIFTS = (3.0, 2.0)       # of the noise levels, in the two parts of training
FIRST_PART = 0.6
AVERAGE = 0.9985
VOICES_EVERY = 2000       # steps between two looks at how loud each word is
FIRST_SHARDS, STEPS_PER_SHARD, MOST_SHARDS = 12, 400, 96


@dataclass
class Trainee:
    """The model, its running average, and what it reads captions with."""

    model: WanTransformer3DModel
    average: WanTransformer3DModel
    text_encoder: UMT5EncoderModel
    encoder: Encoder

    def rows(self, texts: list[str]) -> torch.Tensor:
        with torch.no_grad():
            return embed(self.text_encoder, self.encoder, texts, ROWS)


def noise_levels(count: int, shift: float) -> torch.Tensor:
    """Mostly logit-normal (P. Esser et al., arXiv 2403.03206), some uniform, then shifted."""
    middle = torch.sigmoid(1.1 * torch.randn(count))
    level = torch.where(torch.rand(count) < 0.7, middle, torch.rand(count))
    return shift * level / (1 + (shift - 1) * level)


def known_frames(least: torch.Tensor) -> torch.Tensor:
    """How many latent frames are given to each example, at least `least`."""
    draw = torch.multinomial(torch.tensor(KNOWN), len(least), replacement=True)
    return torch.maximum(draw, least)


def flow_loss(forward, model: WanTransformer3DModel, latents: torch.Tensor, masks: torch.Tensor,
              text: torch.Tensor, sigma: torch.Tensor, known: torch.Tensor, noise: torch.Tensor,
              table: tuple[torch.Tensor, torch.Tensor], families: int = 0) -> torch.Tensor:
    """The weighted squared error of each example's flow. The last examples are `families`, each of
    which shares its noise and noise level."""
    frame = torch.arange(latents.shape[2])
    given = frame[None] < known[:, None]                            # (B, F)
    per_frame = torch.where(given, 0.0, sigma[:, None])
    level = per_frame[:, None, :, None, None]
    mixed = (1 - level) * latents + level * noise
    mixed = mixed + given[:, None, :, None, None] * KNOWN_NOISE * noise
    with torch.autocast("cpu", torch.bfloat16):
        made = forward(model, mixed, 1000 * per_frame, text, table, empty_rows())
    weight = (1 + THING_WEIGHT * masks.float()) * ~given[:, :, None, None]
    error = made.float() - (noise - latents)
    squares = error.square().mean(1)
    if families:
        members = error[-families * FAMILY:].unflatten(0, (families, FAMILY))
        apart = (members - members.mean(1, keepdim=True)).flatten(0, 1).square().mean(1)
        others = len(squares) - len(apart)
        squares = squares + functional.pad(SHAPE_WEIGHT * apart, [0] * 6 + [others, 0])
    return (squares * weight).sum((1, 2, 3)) / weight.sum((1, 2, 3))


def _changed(scene: Scene, what: str) -> Scene:
    """The scene with another shape, motion, or with its two colours exchanged."""
    thing = scene.things[0]
    if what == "color":
        background = replace(scene.background, color=thing.color)
        return replace(scene, background=background,
                       things=(replace(thing, color=scene.background.color),))
    choices = SHAPES if what == "shape" else MOTIONS
    other = choices[(choices.index(getattr(thing, what)) + 1) % len(choices)]
    return replace(scene, things=(replace(thing, **{what: other}),))


class Validation:
    """Losses on combinations never trained on, with right and with wrong captions.

    The gap to a wrong caption tells, sooner than samples do, whether its word is heard.
    """

    LEVELS = (0.7, 0.92)

    def __init__(self, clips: Clips, count: int = 2 * BATCH):
        rng = random.Random("validation")
        held_out = [Clip(sample_core(rng, held_out=True)) for _ in range(count)]
        self.scenes = [clip.scene for clip in held_out]
        self.latents = normalize(encode_clips(clips.vae, held_out).float(), clips.mean, clips.std)
        self.masks = thing_masks(held_out)
        generator = torch.Generator().manual_seed(2)
        self.noise = torch.randn(self.latents.shape, generator=generator)

    def _loss(self, trainee: Trainee, forward, texts: list[str], level: float,
              table: tuple[torch.Tensor, torch.Tensor]) -> float:
        rows, losses = trainee.rows(texts), []
        for part in torch.arange(len(texts)).split(BATCH):
            losses.append(flow_loss(forward, trainee.average, self.latents[part], self.masks[part],
                                    rows[part], torch.full((len(part),), level),
                                    torch.zeros(len(part), dtype=torch.long), self.noise[part],
                                    table))
        return float(torch.cat(losses).mean())

    @torch.no_grad()
    def __call__(self, trainee: Trainee, forward) -> dict[str, float]:
        table = rope_table(trainee.average, *LATENT_SHAPE[1:])
        figures = {}
        for level in self.LEVELS:
            right = [plain_caption(s).text for s in self.scenes]
            figures[f"loss_{level}"] = loss = self._loss(trainee, forward, right, level, table)
            for what in ("color", "motion", "shape"):
                wrong = [plain_caption(_changed(s, what)).text for s in self.scenes]
                figures[f"{what}_gap_{level}"] = self._loss(trainee, forward, wrong, level,
                                                            table) - loss
        return figures


def _optimizers(model: WanTransformer3DModel) -> Optimizers:
    named = list(model.named_parameters())
    matrices = [p for name, p in named if p.ndim == 2 and name.startswith("blocks.")]
    ids = {id(p) for p in matrices}
    return Optimizers(matrices, [p for _, p in named if id(p) not in ids], RATE, weight_decay=0.01)


@dataclass
class _Batch:
    """What a step learns from, which its number decides: clips of all sorts, then families."""

    clips: list[Clip]
    texts: list[str]
    latents: torch.Tensor
    masks: torch.Tensor
    known: torch.Tensor
    noise: torch.Tensor
    levels: torch.Tensor


def _batch(clips: Clips, families: Clips, step: int, shift: float) -> _Batch:
    torch.manual_seed(step)
    rng = random.Random(f"captions {step}")
    single = torch.randint(len(clips), (BATCH - FAMILIES * FAMILY,))
    family = torch.randint(len(families) // FAMILY, (FAMILIES,))
    members = (FAMILY * family[:, None] + torch.arange(FAMILY)).flatten()
    shown = [clips.clips[i] for i in single] + [families.clips[i] for i in members]
    texts = ["" if rng.random() < EMPTY else caption(clips.clips[i].scene, rng).text
             for i in single]
    texts += [caption(families.clips[i].scene, random.Random(f"captions {step} {i // FAMILY}")).text
              for i in members]
    latents = torch.cat((clips.normalized(single), families.normalized(members)))
    own = len(single) + FAMILIES                              # one noise for each clip or family
    share = torch.cat((torch.arange(len(single)),
                       torch.arange(len(single), own).repeat_interleave(FAMILY)))
    low, high = SHAPE_NOISE
    levels = torch.cat((noise_levels(len(single), shift),
                        low + (high - low) * torch.rand(FAMILIES)))
    return _Batch(
        shown, texts, latents, torch.cat((clips.masks[single], families.masks[members])),
        torch.cat((known_frames(clips.known[single]), torch.zeros_like(members))),
        torch.randn(own, *latents.shape[1:])[share], levels[share])


def _batch_loss(trainee: Trainee, guide: Guide, batch: _Batch, forward,
                table: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """The flow's loss and the guide's."""
    middle = []

    def flow(*inputs):
        made, hidden = forward(*inputs)
        middle.append(hidden)
        return made

    loss = flow_loss(flow, trainee.model, batch.latents, batch.masks, trainee.rows(batch.texts),
                     batch.levels, batch.known, batch.noise, table, FAMILIES).mean()
    return loss, guide.loss(middle[0], batch.clips)


def begin(run: Run, size: TransformerSize, text_encoder: UMT5EncoderModel,
          encoder: Encoder) -> tuple[Trainee, Optimizers, int]:
    """The trainee at its last checkpoint, or new."""
    torch.manual_seed(3)
    model = build_transformer(size)
    average = copy.deepcopy(model).requires_grad_(False)
    optimizers, done = _optimizers(model), 0
    saved = run.load("transformer")
    if saved:
        model.load_state_dict(saved["model"])
        average.load_state_dict(saved["average"])
        optimizers.load_state_dict(saved["optimizers"])
        done = saved["step"]
    return Trainee(model, average, text_encoder, encoder), optimizers, done


def train(run: Run, trainee: Trainee, optimizers: Optimizers, clips: Clips, families: Clips,
          done: int, steps: int, pace: Pace) -> None:
    """Steps `done` … `steps`; clips are added on the way."""
    validation, figures = Validation(clips), Average()
    forward = torch.compile(velocity_and_hidden, dynamic=False)
    guide = Guide(trainee.model.proj_out.in_features)
    guide.resume(run.load("transformer") or {})
    table = rope_table(trainee.model, *LATENT_SHAPE[1:])
    parameters, averages = list(trainee.model.parameters()), list(trainee.average.parameters())
    for step in range(done, steps):
        clips.grow(min(FIRST_SHARDS + step // STEPS_PER_SHARD, MOST_SHARDS))
        families.grow((len(clips) // SHARD + 1) // 2)
        if step % VOICES_EVERY == 0:
            run.log("voices", step=step, **even_out(trainee))
        shift = SHIFTS[0] if step < FIRST_PART * steps else SHIFTS[1]
        loss, unseen = _batch_loss(trainee, guide, _batch(clips, families, step, shift), forward,
                                   table)
        guide.optimizer.zero_grad()
        norm = optimizers.step(loss + unseen, rate_at(step, steps))
        guide.optimizer.step()
        keep = min(AVERAGE, (step + 1) / (step + 10))
        torch._foreach_lerp_(averages, [p.detach() for p in parameters], 1 - keep)
        figures.add(loss=float(loss.detach()), guide=float(unseen.detach()), gradient=norm)
        if pace.due() or step + 1 in (20, steps):
            run.log("transformer", step=step + 1, shift=shift, clips=len(clips), **figures.values,
                    **validation(trainee, lambda *inputs: forward(*inputs)[0]))
            run.save("transformer", {
                "model": trainee.model.state_dict(), "average": trainee.average.state_dict(),
                "optimizers": optimizers.state_dict(), "guide": guide.state_dict(),
                "guide optimizer": guide.optimizer.state_dict(), "step": step + 1})


assert SHARD % BATCH == 0
