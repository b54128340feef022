#!/usr/bin/env python3
"""Train auteur-mini from nothing, or go on where a run was stopped.

    python train.py --out DIR                 all stages
    python train.py --out DIR --only text     one of them (those before it must be done)

Every stage keeps its checkpoint in DIR every few minutes, and log.jsonl there has the curves. The
same command resumes. Stages: vae (the encoder with a decoder), text (tokenizer and text encoder),
transformer, decoder (the autoencoder's decoder alone, against the frozen encoder), evaluate
(figures by the judge, and samples.png), export (a diffusers folder).
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

STAGES = ("vae", "text", "transformer", "decoder", "evaluate", "export")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="the run's folder")
    parser.add_argument("--only", choices=STAGES, help="this stage alone")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=4, help="between two checkpoints")
    parser.add_argument("--warm-start", type=Path, metavar="FILE",
                        help="begin with these weights of the autoencoder instead of stage vae")
    parser.add_argument("--vae-steps", type=int, default=4000)
    parser.add_argument("--decoder-steps", type=int, default=6000)
    parser.add_argument("--text-steps", type=int, default=1600)
    parser.add_argument("--transformer-steps", type=int, default=40000)
    parser.add_argument("--count", type=int, default=300, help="captions to evaluate")
    parser.add_argument("--quick", action="store_true", help="evaluate captions alone")
    parser.add_argument("--sampling-steps", type=int, default=20)
    parser.add_argument("--guidance", type=float, default=5.0)
    parser.add_argument("--shift", type=float, default=3.0, help="of the sampler's noise levels")
    parser.add_argument("--export", type=Path, metavar="DIR",
                        help="where to write the model (default: auteur-mini in the run's folder)")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str((args.out / "inductor").resolve()))
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", str(args.threads))
    os.environ.setdefault("OMP_NUM_THREADS", str(args.threads))
    import torch
    torch.set_num_threads(args.threads)
    from mini.stages import run_stages
    run_stages(args)


if __name__ == "__main__":
    main()
