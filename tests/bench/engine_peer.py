#!/usr/bin/env python3
"""diffusers beside auteur-bench-engine: the same random models, inputs, stages and threads.

    engine_peer.py make DIR              models of middle size, their inputs and cases
    engine_peer.py run DIR CASE THREADS  one measurement, printed as auteur-bench-engine prints it

A stage is measured in a process of its own, as auteur's is, so that the peak of one is not the
peak of the other. `--output FILE` writes the last result, for comparing.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import torch
from diffusers import AutoencoderKLWan, WanTransformer3DModel
from safetensors.torch import load_file, save_file

# Of Wan 2.1 1.3B the width (12 heads of 128), with 4 of its 30 layers; its autoencoder at half width.
TRANSFORMER = {"num_attention_heads": 12, "attention_head_dim": 128, "num_layers": 4, "ffn_dim": 8960,
               "in_channels": 16, "out_channels": 16, "text_dim": 4096, "freq_dim": 256,
               "patch_size": [1, 2, 2], "cross_attn_norm": True}
VAE = {"base_dim": 48, "z_dim": 16, "dim_mult": [1, 2, 4, 4], "num_res_blocks": 2,
       "temperal_downsample": [False, True, True]}
LATENTS = {"transformer": (1, 16, 3, 30, 52), "vae": (1, 16, 3, 24, 24)}
REPEAT = 3


def make(folder):
    """Random models in the layout of the published ones, inputs, and a case for each stage."""
    torch.manual_seed(1)
    folder.mkdir(parents=True, exist_ok=True)
    WanTransformer3DModel(**TRANSFORMER).save_pretrained(folder / "transformer")
    AutoencoderKLWan(**VAE).save_pretrained(folder / "vae")
    save_file({"hidden_states": torch.randn(LATENTS["transformer"]),
               "encoder_hidden_states": torch.randn(1, 512, TRANSFORMER["text_dim"]),
               "timestep": torch.tensor([500], dtype=torch.int64),
               "latents": torch.randn(LATENTS["vae"])}, folder / "inputs.safetensors")
    for stage in ("transformer", "vae"):
        case = {"stages": [stage], "repeat": REPEAT, "inputs": "inputs.safetensors"}
        (folder / f"{stage}.json").write_text(json.dumps(case) + "\n")


def reset_peak():
    """A new peak of the resident set (proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5")


def peak_bytes():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("no VmHWM in /proc/self/status")


def stage_call(folder, stage, inputs):
    """The model of a stage and a function that runs it once."""
    if stage == "vae":
        vae = AutoencoderKLWan.from_pretrained(folder / "vae", torch_dtype=torch.float32)
        return lambda: vae.decode(inputs["latents"], return_dict=False)[0]
    model = WanTransformer3DModel.from_pretrained(folder / "transformer", torch_dtype=torch.float32)
    return lambda: model(hidden_states=inputs["hidden_states"], timestep=inputs["timestep"],
                         encoder_hidden_states=inputs["encoder_hidden_states"], return_dict=False)[0]


@torch.inference_mode()
def run(folder, case, output):
    case = json.loads(case.read_text())
    inputs = load_file(folder / case["inputs"])
    report = {}
    for stage in case["stages"]:
        reset_peak()
        call, times, result = stage_call(folder, stage, inputs), [], call_name(stage)
        call()
        for _ in range(case["repeat"]):
            at = time.perf_counter()
            last = call()
            times.append(time.perf_counter() - at)
        report[result] = {"seconds": statistics.median(times), "peak_bytes": peak_bytes()}
        if output:
            save_file({result: last.contiguous()}, output)
    print(json.dumps(report))


def call_name(stage):
    return "decode" if stage == "vae" else "forward"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["make", "run"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("case", type=Path, nargs="?")
    parser.add_argument("threads", type=int, nargs="?", default=1)
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    if args.what == "make":
        make(args.folder)
        return
    torch.set_num_threads(args.threads)
    run(args.folder, args.case, args.output)


if __name__ == "__main__":
    main()
