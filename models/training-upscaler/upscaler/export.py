"""The model as a folder with its manifest, and the entry for models/index.json."""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from .degrade import SCALE

ID, VERSION = "auteur-upscale-x4", "0.9.0"
PACKAGES = ("torch", "numpy", "pillow", "safetensors")


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _manifest(weights: Path) -> dict[str, Any]:
    return {"id": ID, "name": "auteur upscale x4", "version": VERSION, "type": "image",
            "requirements": {"vram": 0, "disk_space": 0.001, "cuda_version": None,
                             "python_version": None},
            "files": [{"name": weights.name, "size": weights.stat().st_size,
                       "hash": f"sha256:{_hash(weights)}"}],
            "capabilities": ["upscale"], "license": "Apache-2.0",
            "description": "Enlarges frames four times: SRVGGNetCompact, trained by "
                           "models/training-upscaler on frames that a program draws.",
            "auteur": {"backend": "upscaler", "upscale": {"factor": SCALE}, "precision": ["fp32"]}}


def _entry(args: argparse.Namespace, weights: Path, step: int,
           figures: dict[str, Any]) -> dict[str, Any]:
    """`commit` is filled in where the weights are committed."""
    environment: dict[str, Any] = {name: version(name) for name in PACKAGES}
    if args.begin:
        environment["begin"] = {"file": args.begin.name, "sha256": _hash(args.begin)}
    return {"id": ID, "version": VERSION, "semanticTags": ["upscale", "procedural"],
            "dataset": {"id": "auteur-upscale-frames", "commit": "COMMIT",
                        "url": "models/training-upscaler/upscaler/draw.py"},
            "training": {"repo": "auteur", "commit": "COMMIT",
                         "command": "python models/training-upscaler/train.py --out DIR"},
            "artifact": {"filename": weights.name, "sha256": _hash(weights),
                         "sizeBytes": weights.stat().st_size},
            "license": "Apache-2.0",
            "provenance": {"runId": f"upscale-x4-{step}", "metrics": figures,
                           "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                           "reproducibility": {"seed": args.seed, "environment": environment}}}


def export(model: torch.nn.Module, args: argparse.Namespace, step: int, folder: Path) -> None:
    """Writes `folder`, and index-entry.json beside the run's checkpoints."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    weights = folder / "model.safetensors"
    save_file({name: tensor.half().contiguous() for name, tensor in model.state_dict().items()},
              weights)
    weights.chmod(0o644)
    _write_json(folder / "model.json", _manifest(weights))
    figures = json.loads((args.out / "figures.json").read_text())
    metrics = {name: figures[name] for name in ("psnr", "psnr_lanczos", "gain", "better")}
    _write_json(args.out / "index-entry.json", _entry(args, weights, step, metrics))
    print(f"{folder}: {weights.stat().st_size} bytes")
