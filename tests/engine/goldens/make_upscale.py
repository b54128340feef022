#!/usr/bin/env python3
"""Goldens of the upscalers: small random models, and what their torch definition makes of a frame.

    python make_upscale.py        (torch, numpy, safetensors; writes upscale/ beside this file)

The definition is models/training-upscaler/upscaler/network.py. Each model is stored as safetensors with
the names of Real-ESRGAN's checkpoints, two of them also as a pair of ncnn's files, in the layers that
onnx2ncnn makes of them. Weights are rounded to what is stored before the reference runs.
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "models" / "training-upscaler"))
from upscaler.network import RRDBNet, SRVGGNetCompact  # noqa: E402

OUT = HERE / "upscale"
WIDTH, HEIGHT = 21, 13  # no multiple of anything
F16_TAG = 0x01306B47


def shake(model: torch.nn.Module, x: torch.Tensor, seed: int) -> None:
    """Random weights, rounded to fp16, far from neutral, with an output that stays in (0, 1)."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() == 4:
                p.copy_(torch.randn(p.shape, generator=generator) * (2.0 / p[0].numel()) ** 0.5)
            elif isinstance(model, SRVGGNetCompact) and name.endswith(".weight"):
                p.copy_(torch.rand(p.shape, generator=generator) * 0.6 - 0.1)
            else:
                p.copy_(torch.randn(p.shape, generator=generator) * 0.1)
        last = list(model.modules())[-1] if isinstance(model, RRDBNet) else model.body[-1]
        base = 0.5 if isinstance(model, RRDBNet) else 0.0
        spread = float(model(x).std())
        last.weight.mul_(0.08 / spread)
        last.bias.mul_(0.05)
        last.bias.add_(base - float((model(x) - (0 if base else 0.5)).mean()) if base else 0)
        for p in model.parameters():
            p.copy_(p.half().float())


def write_bin(path: Path, parts: list[tuple[str, torch.Tensor]], half: bool) -> None:
    """`parts`: ("conv", weight), ("row", bias or slopes), in the order of the layers."""
    data = b""
    for kind, tensor in parts:
        values = tensor.detach().numpy().astype("<f4")
        if kind == "conv":
            raw = values.astype("<f2").tobytes() if half else values.tobytes()
            data += struct.pack("<I", F16_TAG if half else 0) + raw + b"\0" * (-len(raw) % 4)
        else:
            data += values.tobytes()
    path.write_bytes(data)


class Param:
    """A .param being written: layers, and the blobs that they make."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.blobs = 0
        self.parts: list[tuple[str, torch.Tensor]] = []

    def layer(self, kind: str, inputs: list[str], outputs: int, values: str) -> list[str]:
        made = [f"b{self.blobs + i}" for i in range(outputs)]
        self.blobs += outputs
        head = f"{kind:<24} {kind}_{len(self.lines):<16} {len(inputs)} {outputs}"
        self.lines.append(" ".join([head, *inputs, *made, values]).rstrip())
        return made

    def conv(self, conv: torch.nn.Conv2d, x: str, leaky: bool = False) -> str:
        after = " 9=2 -23310=1,2.000000e-01" if leaky else ""
        self.parts += [("conv", conv.weight), ("row", conv.bias)]
        return self.layer("Convolution", [x], 1, f"0={conv.out_channels} 1=3 4=1 5=1 "
                          f"6={conv.weight.numel()}{after}")[0]

    def split(self, x: str, count: int) -> list[str]:
        return self.layer("Split", [x], count, "")

    def write(self, stem: Path, half: bool) -> None:
        text = f"7767517\n{len(self.lines)} {self.blobs}\n" + "\n".join(self.lines) + "\n"
        stem.with_suffix(".param").write_text(text)
        write_bin(stem.with_suffix(".bin"), self.parts, half)


def srvgg_ncnn(model: SRVGGNetCompact, stem: Path) -> None:
    p = Param()
    x, y = p.split(p.layer("Input", [], 1, "")[0], 2)
    for layer in model.body:
        if isinstance(layer, torch.nn.Conv2d):
            y = p.conv(layer, y)
        else:
            p.parts.append(("row", layer.weight))
            y = p.layer("PReLU", [y], 1, f"0={layer.weight.numel()}")[0]
    y = p.layer("PixelShuffle", [y], 1, f"0={model.scale}")[0]
    factor = f"{model.scale:.6e}"
    x = p.layer("Interp", [x], 1, f"0=1 1={factor} 2={factor}")[0]
    p.layer("BinaryOp", [y, x], 1, "0=0")
    p.write(stem, half=True)


def dense_ncnn(p: Param, block: torch.nn.Module, x: str) -> str:
    *xs, rest = p.split(x, 6)
    kept: list[list[str]] = [xs]  # of each part, a blob for every use
    for i in range(1, 6):
        parts = [blobs.pop() for blobs in kept]
        whole = parts[0] if i == 1 else p.layer("Concat", parts, 1, "0=0")[0]
        y = p.conv(getattr(block, f"conv{i}"), whole, leaky=i < 5)
        if i < 4:
            kept.append(p.split(y, 5 - i))
        elif i == 4:
            kept.append([y])
    y = p.layer("BinaryOp", [y], 1, "0=2 1=1 2=2.000000e-01")[0]
    return p.layer("BinaryOp", [y, rest], 1, "0=0")[0]


def rrdb_ncnn(model: RRDBNet, stem: Path) -> None:
    """With one sum as the Eltwise that ncnn's optimiser makes, and one activation of its own."""
    p = Param()
    first, y = p.split(p.conv(model.conv_first, p.layer("Input", [], 1, "")[0]), 2)
    for block in model.body:
        x, y = p.split(y, 2)
        for dense in (block.rdb1, block.rdb2, block.rdb3):
            y = dense_ncnn(p, dense, y)
        y = p.layer("Eltwise", [y, x], 1, "0=1 -23301=2,2.000000e-01,1.000000e+00")[0]
    y = p.layer("BinaryOp", [first, p.conv(model.conv_body, y)], 1, "0=0")[0]
    for conv in (model.conv_up1, model.conv_up2):
        y = p.layer("Interp", [y], 1, "0=1 1=2.000000e+00 2=2.000000e+00")[0]
        y = p.conv(conv, y, leaky=True)
    y = p.layer("ReLU", [p.conv(model.conv_hr, y)], 1, "0=2.000000e-01")[0]
    p.conv(model.conv_last, y)
    p.write(stem, half=False)


def main() -> None:
    torch.set_num_threads(1)
    frame = np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    x = torch.from_numpy(frame.astype(np.float32) * np.float32(0.6 / 255) + np.float32(0.2))
    x = x.permute(2, 0, 1)[None]
    models = {"srvgg-x4": (SRVGGNetCompact(12, 3, 4), ""), "srvgg-x2": (SRVGGNetCompact(7, 1, 2), "params."),
              "srvgg-x3": (SRVGGNetCompact(5, 0, 3), "params_ema."), "rrdb-x4": (RRDBNet(8, 2, 4), "params_ema.")}
    OUT.mkdir(exist_ok=True)
    golden = {"input": x[0].permute(1, 2, 0).contiguous()}
    for seed, (name, (model, prefix)) in enumerate(models.items()):
        shake(model, x, seed)
        with torch.inference_mode():
            y = model(x)
        outside = float(((y < 0) | (y > 1)).float().mean())
        print(f"{name}: {y.min():.3f} … {y.max():.3f}, {100 * outside:.1f} % outside")
        assert outside < 0.02 and float(y.std()) > 0.05
        golden[name] = y[0].permute(1, 2, 0).contiguous().clamp(0, 1)
        state = {prefix + key: value.half().contiguous() for key, value in model.state_dict().items()}
        save_file(state, OUT / f"{name}.safetensors")
    srvgg_ncnn(models["srvgg-x4"][0], OUT / "ncnn-srvgg-x4")
    rrdb = models["rrdb-x4"][0]
    rrdb_ncnn(rrdb, OUT / "ncnn-rrdb-x4")
    with torch.no_grad():  # ncnn keeps biases and slopes in fp32: equal here, as all are fp16 numbers
        assert torch.equal(rrdb.conv_last.bias, rrdb.conv_last.bias.half().float())
    save_file(golden, OUT / "golden-frames.safetensors")


if __name__ == "__main__":
    main()
