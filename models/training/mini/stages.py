"""The stages in order, each from what the ones before it left in the run's folder."""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

from diffusers import AutoencoderKLWan
from transformers import UMT5EncoderModel

from . import evaluate, text, transformer, vae
from .export import export
from .latents import Clips, statistics
from .networks import TransformerSize, build_vae
from .state import Pace, Run
from .tokenizer import Encoder


def load_vae(run: Run, decoder: bool = True) -> AutoencoderKLWan:
    """The frozen autoencoder, with the decoder as far as it has come."""
    saved = (run.load("vae-decoder") if decoder else None) or run.load("vae")
    if saved is None:
        raise SystemExit("there is no autoencoder yet: run the stage vae first")
    model = build_vae()
    model.load_state_dict(saved["model"])
    return model.eval().requires_grad_(False)


def load_text(run: Run, steps: int = 0) -> tuple[UMT5EncoderModel, Encoder]:
    """The frozen text encoder and its tokenizer; with `steps`, trained so far if need be."""
    if not steps and run.load("text") is None:
        raise SystemExit("there is no text encoder yet: run the stage text first")
    encoder = Encoder(text.trained_tokenizer(run))
    return text.trained(run, encoder, steps, Pace(120)), encoder


def _vae(run: Run, args: argparse.Namespace, pace: Pace) -> None:
    saved = run.load("vae")
    if saved is not None and saved["step"] >= args.vae_steps:
        return
    model, source = vae.fresh(), None
    if args.warm_start is not None:
        source = _adopt(model, args.warm_start)
        run.log("vae", warm_start=source, **vae.validate(model))
        run.save("vae", {"model": model.state_dict(), "step": args.vae_steps, "source": source})
        return
    vae.train(run, "vae", model, args.vae_steps, joint=True, pace=pace)


def _adopt(model: AutoencoderKLWan, path: Path) -> dict[str, str]:
    """Load another run's weights; says which they were."""
    from safetensors.torch import load_file
    model.load_state_dict(load_file(path))
    return {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def _decoder(run: Run, args: argparse.Namespace, pace: Pace) -> None:
    vae.train(run, "vae-decoder", load_vae(run), args.decoder_steps, joint=False, pace=pace)


def _text(run: Run, args: argparse.Namespace, pace: Pace) -> None:
    load_text(run, args.text_steps)


def _transformer(run: Run, args: argparse.Namespace, pace: Pace) -> None:
    text_encoder, encoder = load_text(run)
    autoencoder = load_vae(run, decoder=False)
    clips, families = (Clips(run, autoencoder, *statistics(run, autoencoder), kind)
                       for kind in ("clips", "families"))
    trainee, optimizers, done = transformer.begin(run, TransformerSize(), text_encoder, encoder)
    if done < args.transformer_steps:
        transformer.train(run, trainee, optimizers, clips, families, done, args.transformer_steps,
                          pace)


def load_sampler(run: Run, args: argparse.Namespace) -> evaluate.Sampler:
    """The whole model as far as it has come."""
    text_encoder, encoder = load_text(run)
    trainee, _, done = transformer.begin(run, TransformerSize(), text_encoder, encoder)
    if not done:
        raise SystemExit("there is no transformer yet: run the stage transformer first")
    autoencoder = load_vae(run)
    return evaluate.Sampler(trainee, autoencoder, *statistics(run, autoencoder),
                            steps=args.sampling_steps, guidance=args.guidance, shift=args.shift)


def _evaluate(run: Run, args: argparse.Namespace, pace: Pace) -> None:
    """Figures to figures.json and the log, samples to samples.png."""
    sampler, count = load_sampler(run, args), args.count
    figures, clips, captions = evaluate.from_text(sampler, count)
    evaluate.contact_sheet(clips[:24], captions[:24], run.folder / "samples.png")
    results = {"text": figures}
    if not args.quick:
        few = max(count // 4, 8)
        results["first frame"] = evaluate.from_first_frame(sampler, few)
        results["handoff, tail 5"] = evaluate.handoff(sampler, few, 5)
        results["handoff, tail 1"] = evaluate.handoff(sampler, few, 1)
        results["handoff, dropped"] = evaluate.handoff(sampler, few, 5, drop=True)
        results["seeds"] = evaluate.seeds_matter(sampler)
    step = (run.load("transformer") or {}).get("step")
    run.log("evaluation", step=step, count=count, sampling_steps=args.sampling_steps,
            guidance=args.guidance, shift=args.shift, figures=results)
    for name, values in results.items():
        print(evaluate.table(name, values))
    (run.folder / "figures.json").write_text(json.dumps(results, indent=2) + "\n")


def _export(run: Run, args: argparse.Namespace, pace: Pace) -> None:
    path = run.folder / "figures.json"
    figures = json.loads(path.read_text()) if path.exists() else {}
    folder = args.export or run.folder / "auteur-mini"
    size = export(run, load_sampler(run, args), folder, figures)
    run.log("export", folder=folder.name, bytes=size)


STAGES = {"vae": _vae, "text": _text, "transformer": _transformer, "decoder": _decoder,
          "evaluate": _evaluate, "export": _export}


def run_stages(args: argparse.Namespace) -> None:
    """All stages that are not done, or the one that is asked for."""
    run, pace = Run(args.out), Pace(60 * args.minutes)
    for name in [args.only] if args.only else STAGES:
        STAGES[name](run, args, pace)
