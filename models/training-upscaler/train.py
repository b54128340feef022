#!/usr/bin/env python3
"""Train auteur-upscale-x4 from nothing, or go on where a run was stopped.

    python train.py --out DIR              train (the same command resumes), then measure and export
    python train.py --out DIR --only measure

DIR keeps checkpoint.pt (every few minutes), log.jsonl (the curve), the drawn frames, figures.json,
samples.png and the exported folder.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from pathlib import Path


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="the run's folder")
    parser.add_argument("--only", choices=("train", "measure", "export"), help="this stage alone")
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--features", type=int, default=32)
    parser.add_argument("--convs", type=int, default=8)
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--side", type=int, default=32, help="of a crop before it is enlarged")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--begin", type=Path, metavar="FILE",
                        help="begin with these weights (safetensors) instead of bicubic ones")
    parser.add_argument("--fp32", action="store_true",
                        help="without bfloat16, which is a third faster where the processor has it")
    parser.add_argument("--minutes", type=float, default=2, help="between two checkpoints")
    parser.add_argument("--count", type=int, default=64, help="held-out frames to measure on")
    parser.add_argument("--export", type=Path, metavar="DIR",
                        help="where to write the model (default: auteur-upscale-x4 in the run's folder)")
    return parser.parse_args()


def rate_at(step: int, args: argparse.Namespace) -> float:
    """Up in 100 steps, flat, and down over the last half: more steps may be asked for later."""
    half = args.steps // 2
    if step < 100:
        return args.rate * (step + 1) / 100
    if step < half:
        return args.rate
    return args.rate * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (step - half) / (args.steps - half))))


class Run:
    """Model, its moving average, optimiser and step: what a checkpoint has."""

    def __init__(self, args: argparse.Namespace) -> None:
        import torch
        from safetensors.torch import load_file
        from upscaler.network import SRVGGNetCompact, begin_as_bicubic
        torch.manual_seed(args.seed)
        self.args = args
        self.path = args.out / "checkpoint.pt"
        self.model = SRVGGNetCompact(args.features, args.convs, 4)
        begin_as_bicubic(self.model)
        if args.begin:
            self.model.load_state_dict(load_file(args.begin))
        self.average = SRVGGNetCompact(args.features, args.convs, 4)
        self.average.load_state_dict(self.model.state_dict())
        self.optimiser = torch.optim.Adam(self.model.parameters(), lr=args.rate, betas=(0.9, 0.99))
        self.step = 0
        if self.path.exists():
            kept = torch.load(self.path, weights_only=True)
            self.model.load_state_dict(kept["model"])
            self.average.load_state_dict(kept["average"])
            self.optimiser.load_state_dict(kept["optimiser"])
            self.step = kept["step"]

    def save(self) -> None:
        import torch
        part = self.path.with_suffix(".part")
        torch.save({"model": self.model.state_dict(), "average": self.average.state_dict(),
                    "optimiser": self.optimiser.state_dict(), "step": self.step}, part)
        os.replace(part, self.path)

    def advance(self, small, large) -> float:
        """One step on float pictures (B, 3, h, w); returns the loss."""
        import torch
        for group in self.optimiser.param_groups:
            group["lr"] = rate_at(self.step, self.args)
        with torch.autocast("cpu", torch.bfloat16, enabled=not self.args.fp32):
            made = self.model(small)
        loss = torch.sqrt((made.float() - large) ** 2 + 1e-6).mean()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        keep = min(0.998, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for mean, now in zip(self.average.parameters(), self.model.parameters(), strict=True):
                mean.lerp_(now, 1 - keep)
        self.step += 1
        return float(loss.detach())


def train(args: argparse.Namespace) -> None:
    import torch
    from upscaler.measure import measure
    from upscaler.pool import Pool
    run, pool = Run(args), Pool(args.out / "frames", args.seed)
    layout = torch.channels_last
    run.model.to(memory_format=layout)
    saved, losses = time.monotonic(), []

    def as_float(pixels):
        x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
        return x.contiguous(memory_format=layout)

    while run.step < args.steps:
        small, large = pool.batch(run.step, args.batch, args.side)
        losses.append(run.advance(as_float(small), as_float(large)))
        last = run.step == args.steps
        if last or time.monotonic() - saved > args.minutes * 60:
            run.save()
            line = {"step": run.step, "loss": round(sum(losses) / len(losses), 5),
                    **measure(run.average, 12)}
            with open(args.out / "log.jsonl", "a", encoding="utf-8") as log:
                log.write(json.dumps(line) + "\n")
            print(line, flush=True)
            saved, losses = time.monotonic(), []


def rounded(args: argparse.Namespace):
    """The averaged model with its weights rounded to fp16, as it ships, and its step."""
    run = Run(args)
    return run.average.half().float().eval(), run.step


def measure_stage(args: argparse.Namespace) -> None:
    from upscaler.measure import measure, side_by_side
    model, step = rounded(args)
    figures = {"step": step, **measure(model, args.count)}
    (args.out / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    side_by_side(model, args.out / "samples.png", [4, 10, 13, 22])
    print(figures)


def export_stage(args: argparse.Namespace) -> None:
    from upscaler.export import export
    model, step = rounded(args)
    export(model, args, step, args.export or args.out / "auteur-upscale-x4")


def main() -> None:
    args = arguments()
    os.environ["OMP_NUM_THREADS"] = str(args.threads)
    import torch
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    stages = {"train": train, "measure": measure_stage, "export": export_stage}
    for name, stage in stages.items():
        if args.only in (None, name):
            stage(args)


if __name__ == "__main__":
    main()
