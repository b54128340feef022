#!/usr/bin/env python3
"""The engine against diffusers on an exported folder: the same prompts, frames in fp32.

    python parity.py --model DIR --trace build/bin/auteur-trace
    python parity.py --model DIR --trace build/bin/auteur-trace --write tests/mini/goldens

Exits 1 if a pixel (0 … 1) differs by more than 1e-3. With --write the goldens of the shipped
weights are made of what diffusers computes, for the test that does without (tests/mini/parity.py).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import torch
from diffusers import WanImageToVideoPipeline, WanPipeline
from PIL import Image
from safetensors.torch import load_file, save_file

from mini.export import load_tokenizer
from mini.golden import BOUND, sampled, weights_hash
from mini.scene import FRAMES, HEIGHT, WIDTH

PROMPTS = ("a red circle moves left over a blue background",
           "Two owls read a storyboard in the rain, slow motion.", "")
KEPT = {(PROMPTS[0], False): "text", (PROMPTS[0], True): "picture",
        (PROMPTS[1], False): "unknown-words"}  # goldens, with their names


def case(prompt: str, image: bool, shift: float) -> dict[str, Any]:
    """A case of auteur-trace."""
    tensors = {"frames": {"dtype": "float32", "shape": [FRAMES, HEIGHT, WIDTH, 3]}}
    if image:
        tensors["image.image.u8"] = {"dtype": "uint8", "shape": [HEIGHT, WIDTH, 3]}
    return {"mode": "i2v" if image else "t2v", "prompt": prompt, "negative": "", "seed": 42,
            "width": WIDTH, "height": HEIGHT, "frames": FRAMES, "steps": 12, "guidance": 5.0,
            "flow_shift": shift, "expand_timesteps": True, "tensors": tensors}


def picture() -> torch.Tensor:
    """A first frame, uint8 (height, width, 3)."""
    frame = np.full((HEIGHT, WIDTH, 3), (35, 75, 215), np.uint8)
    frame[20:44, 50:74] = (245, 215, 40)
    return torch.from_numpy(frame)


def by_diffusers(model: Path, spec: dict[str, Any]) -> torch.Tensor:
    kind, more = WanPipeline, {}
    if spec["mode"] == "i2v":
        kind = WanImageToVideoPipeline
        more = {"image": Image.fromarray(picture().numpy())}
    pipe = kind.from_pretrained(model, tokenizer=load_tokenizer(model / "tokenizer"),
                                dtype=torch.float32, local_files_only=True)
    pipe.set_progress_bar_config(disable=True)
    frames = pipe(prompt=spec["prompt"], negative_prompt=spec["negative"], width=WIDTH,
                  height=HEIGHT, num_frames=FRAMES, num_inference_steps=spec["steps"],
                  guidance_scale=spec["guidance"], output_type="np",
                  generator=torch.Generator().manual_seed(spec["seed"]), **more).frames[0]
    return torch.from_numpy(frames)


def by_engine(trace: Path, model: Path, spec: dict[str, Any], threads: int) -> torch.Tensor:
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "case.json", Path(folder) / "trace.safetensors"
        path.write_text(json.dumps(spec))
        if spec["mode"] == "i2v":
            save_file({"image.image.u8": picture()}, path.with_suffix(".safetensors"))
        subprocess.run([trace, "--model", model, "--case", path, "--threads", str(threads), "-o",
                        out], check=True)
        return load_file(out)["frames"]


def write_golden(folder: Path, name: str, spec: dict[str, Any], weights: str,
                 frames: torch.Tensor) -> None:
    """A case of auteur-trace and the pixels that diffusers makes of it."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {"frames.sampled": torch.from_numpy(sampled(frames.float().numpy())).contiguous()}
    if spec["mode"] == "i2v":
        tensors["image.image.u8"] = picture()
    save_file(tensors, folder / f"{name}.safetensors")
    (folder / f"{name}.safetensors").chmod(0o644)
    text = json.dumps({"weights": weights, **spec}, indent=1)
    (folder / f"{name}.json").write_text(text + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--trace", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--write", type=Path, metavar="DIR", help="make the goldens there")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    config = json.loads((args.model / "scheduler" / "scheduler_config.json").read_text())
    shift = config["flow_shift"]
    weights, worst = weights_hash(args.model), 0.0
    for prompt in PROMPTS:
        for image in (False, True):
            spec = case(prompt, image, shift)
            ours = by_engine(args.trace, args.model, spec, args.threads)
            theirs = by_diffusers(args.model, spec)
            error = float((ours.float() - theirs).abs().max())
            worst = max(worst, error)
            print(f"{spec['mode']}  {error:.2e}  {prompt!r}")
            if args.write and (prompt, image) in KEPT:
                write_golden(args.write, KEPT[prompt, image], spec, weights, theirs)
    print(f"largest difference {worst:.2e}, allowed {BOUND:.0e}")
    return int(worst > BOUND)


if __name__ == "__main__":
    sys.exit(main())
