#!/usr/bin/env python3
"""The engine against diffusers on the shipped weights, without diffusers: from goldens.

    tests/mini/parity.py --bin build/bin

Exits 1 if a pixel (0 … 1, fp32) of the goldens differs by more than 1e-3, if there are none, or if
they are of other weights. models/training/parity.py --write makes them.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "models" / "training")]

from engine import EngineError, run_program  # noqa: E402
from mini.golden import BOUND, read_tensors, sampled, weights_hash  # noqa: E402

AGAIN = ("python models/training/parity.py --model {} --trace build/bin/auteur-trace "
         "--write tests/mini/goldens")


def difference(golden: Path, trace: Path, model: Path) -> float:
    """The largest over the golden's pixels; infinite where frames are not comparable."""
    wanted = read_tensors(golden.with_suffix(".safetensors"))["frames.sampled"]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "trace.safetensors"
        run_program([str(trace), "--model", str(model), "--case", str(golden), "--threads", "1",
                     "-o", str(out)])
        made = sampled(read_tensors(out)["frames"])
    if made.shape != wanted.shape or not np.isfinite(made).all():
        return float("inf")
    return float(np.abs(made - wanted).max())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--bin", type=Path, default=ROOT / "build" / "bin")
    parser.add_argument("--model", type=Path, default=ROOT / "models/video/models/auteur-mini")
    parser.add_argument("--goldens", type=Path, default=HERE / "goldens")
    args = parser.parse_args()
    again = AGAIN.format(args.model)
    goldens, weights, worst = sorted(args.goldens.glob("*.json")), weights_hash(args.model), 0.0
    if not goldens:
        print(f"{args.goldens} has no goldens: make them with\n  {again}", file=sys.stderr)
        return 1
    for golden in goldens:
        case = json.loads(golden.read_text())
        if case["weights"] != weights:
            print(f"{golden} is of other weights: make it again with\n  {again}", file=sys.stderr)
            return 1
        error = difference(golden, args.bin / "auteur-trace", args.model)
        worst = max(worst, error)
        print(f"{golden.stem}  {error:.2e}  {case['prompt']!r}")
    print(f"largest difference {worst:.2e}, allowed {BOUND:.0e}")
    return int(worst > BOUND)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (EngineError, OSError, KeyError, ValueError) as problem:
        print(f"parity: {problem}", file=sys.stderr)
        sys.exit(2)
