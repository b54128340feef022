"""The model as an ordinary diffusers folder, with its manifest and where it comes from.

The running average is what is exported, in half precision (fp16 keeps three bits more than bf16,
and no weight comes near its range). Files are the same, byte for byte, for the same checkpoints.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from diffusers import WanPipeline
from transformers import PreTrainedTokenizerFast

from . import tokenizer
from .evaluate import Sampler
from .networks import build_scheduler, build_vae
from .scene import FRAMES, HEIGHT, WIDTH
from .state import Run
from .tokenizer import MAX_PIECES, SPECIAL

PACKAGES = ("torch", "diffusers", "transformers", "tokenizers", "sentencepiece", "safetensors",
            "numpy")
STEPS, GUIDANCE = 20, 2.0
VERSION = "0.10.0"  # 1.0.0 is for the one that reaches every aim of tests/mini


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """tokenizer.json as it stands: transformers 5 would rebuild a T5 tokenizer with <unk> = 2."""
    return PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"),
                                   model_max_length=MAX_PIECES, **SPECIAL)


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def _fits_half(module: torch.nn.Module) -> torch.nn.Module:
    for name, tensor in module.state_dict().items():
        if not tensor.half().isfinite().all():
            raise SystemExit(f"{name} does not fit fp16: export as bf16 or look why it is so large")
    return module.half()


def export(run: Run, sampler: Sampler, folder: Path, figures: dict[str, Any]) -> int:
    """Write the folder; returns its weights' bytes."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tokenizer.save((run.folder / "spiece.model").read_bytes(), folder / "tokenizer")
    vae = build_vae(sampler.mean.double().round(decimals=4).tolist(),
                    sampler.std.double().round(decimals=4).tolist())
    vae.load_state_dict(sampler.vae.state_dict())
    WanPipeline(tokenizer=load_tokenizer(folder / "tokenizer"), vae=_fits_half(vae),
                text_encoder=_fits_half(sampler.trainee.text_encoder),
                transformer=_fits_half(sampler.trainee.average), expand_timesteps=True,
                scheduler=build_scheduler(sampler.shift)).save_pretrained(folder)
    _as_published(run, folder)
    _manifest(folder)
    _write_json(run.folder / "index-entry.json", _entry(run, folder, figures))
    return sum(f.stat().st_size for f in folder.rglob("*.safetensors"))


def _as_published(run: Run, folder: Path) -> None:
    """Undo what current libraries write otherwise than the published Wan repositories."""
    shutil.rmtree(folder / "tokenizer")
    tokenizer.save((run.folder / "spiece.model").read_bytes(), folder / "tokenizer")
    index = json.loads((folder / "model_index.json").read_text())
    index["tokenizer"] = ["transformers", "T5TokenizerFast"]
    _write_json(folder / "model_index.json", index)
    for path in folder.rglob("*.safetensors"):
        path.chmod(0o644)


def _files(folder: Path) -> list[dict[str, Any]]:
    return [{"name": str(path.relative_to(folder)), "size": path.stat().st_size,
             "hash": f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"}
            for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "model.json"]


def _manifest(folder: Path) -> None:
    video = {"fps": 8, "frames": {"multiple": 4, "offset": 1, "max": FRAMES},
             "size": {"multiple": 16, "default": [WIDTH, HEIGHT], "min": [WIDTH, HEIGHT],
                      "max": [2 * WIDTH, 2 * HEIGHT]},
             "tail": {"min": 1, "max": 5}}
    _write_json(folder / "model.json", {
        "id": "auteur-mini", "name": "auteur mini", "version": VERSION, "type": "video",
        "requirements": {"vram": 0, "disk_space": 0.02, "cuda_version": None,
                         "python_version": None},
        "files": _files(folder),
        "capabilities": ["text-to-video", "image-to-video", "video-continuation"],
        "license": "Apache-2.0",
        "description": "Coloured shapes that move before simple backgrounds, 96x64: small enough "
                       "for any machine. Trained by models/training.",
        "auteur": {"backend": "wan", "video": video,
                   "tiers": {"draft": {"steps": STEPS, "guidance": GUIDANCE}},
                   "precision": ["fp32", "bf16"]}})


def _entry(run: Run, folder: Path, figures: dict[str, Any]) -> dict[str, Any]:
    """The entry for models/index.json; `commit` is filled in where the weights are committed."""
    weights = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    saved, source = run.load("transformer"), (run.load("vae") or {}).get("source")
    return {
        "id": "auteur-mini", "version": VERSION,
        "semanticTags": ["text-to-video", "image-to-video", "procedural"],
        "dataset": {"id": "auteur-mini-scenes", "commit": "COMMIT",
                    "url": "models/training/mini/scene.py"},
        "training": {"repo": "auteur", "commit": "COMMIT",
                     "command": "python models/training/train.py --out DIR"},
        "artifact": {"filename": str(weights.relative_to(folder)),
                     "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
                     "sizeBytes": weights.stat().st_size},
        "license": "Apache-2.0",
        "provenance": {
            "runId": f"mini-{saved['step']}", "metrics": figures,
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "reproducibility": {"seed": 3, "environment": {
                **{name: version(name) for name in PACKAGES},
                "autoencoder": source or "trained from nothing"}}}}
