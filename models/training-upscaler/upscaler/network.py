"""The two architectures that auteur's engine runs, as their papers and checkpoints define them.

SRVGGNetCompact: 3 × 3 convolutions with a PReLU each, one more to 3·r² channels, pixel shuffle, plus
the input enlarged by repeating pixels. RRDBNet (ESRGAN, arXiv 1809.00219): residual in residual dense
blocks between a first and a last convolution, two enlargements by 2. Names of the weights are those of
Real-ESRGAN's checkpoints. Here for training, and for the engine's goldens (tests/engine/goldens).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


class SRVGGNetCompact(nn.Module):
    """(B, 3, H, W) → (B, 3, scale·H, scale·W); `convs` is how many stand between first and last."""

    def __init__(self, features: int = 32, convs: int = 8, scale: int = 4) -> None:
        super().__init__()
        self.scale = scale
        body: list[nn.Module] = [nn.Conv2d(3, features, 3, padding=1), nn.PReLU(features)]
        for _ in range(convs):
            body += [nn.Conv2d(features, features, 3, padding=1), nn.PReLU(features)]
        body.append(nn.Conv2d(features, 3 * scale * scale, 3, padding=1))
        self.body = nn.ModuleList(body)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x
        for layer in self.body:
            y = layer(y)
        return F.pixel_shuffle(y, self.scale) + F.interpolate(x, scale_factor=self.scale, mode="nearest")


def cubic(distance: float) -> float:
    """The Catmull-Rom kernel."""
    x = abs(distance)
    if x < 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0


@torch.no_grad()
def begin_as_bicubic(model: SRVGGNetCompact) -> None:
    """Sets weights so that the model is bicubic interpolation, and learns from there.

    Every layer hands the colours on in its first three features (they are positive, so a PReLU lets
    them pass); the last but one makes nine shifted copies of them; the last convolution sees 5 × 5
    pixels that way. What else there is stays random, and small where it meets the picture.
    """
    convs = [layer for layer in model.body if isinstance(layer, nn.Conv2d)]
    for conv in convs[:-2]:
        conv.weight[:3] *= 0.01
        conv.bias[:3] = 0
        for i in range(3):
            conv.weight[i, i, 1, 1] += 1
    shift, last = convs[-2], convs[-1]
    shift.weight[:27] *= 0.01
    shift.bias[:27] = 0
    last.weight *= 0.01
    last.bias.zero_()
    r = model.scale
    for channel in range(3):
        for tap in range(9):
            shift.weight[channel * 9 + tap, channel, tap // 3, tap % 3] += 1
        for phase in range(r * r):
            out = channel * r * r + phase
            # A pixel of the 5 × 5 can be had in several ways: the shift first, then the kernel's place.
            for dy in range(-2, 3):
                for dx in range(-2, 3):
                    sy, sx = max(-1, min(1, dy)), max(-1, min(1, dx))
                    centre = [((p + 0.5) / r - 0.5) for p in divmod(phase, r)]
                    value = cubic(centre[0] - dy) * cubic(centre[1] - dx) - (dy == 0 and dx == 0)
                    feature = channel * 9 + (sy + 1) * 3 + sx + 1
                    last.weight[out, feature, dy - sy + 1, dx - sx + 1] += value


class DenseBlock(nn.Module):
    def __init__(self, features: int, grow: int) -> None:
        super().__init__()
        for i in range(1, 6):
            out = grow if i < 5 else features
            setattr(self, f"conv{i}", nn.Conv2d(features + (i - 1) * grow, out, 3, padding=1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        seen = [x]
        for i in range(1, 5):
            seen.append(F.leaky_relu(getattr(self, f"conv{i}")(torch.cat(seen, 1)), 0.2))
        return x + 0.2 * self.conv5(torch.cat(seen, 1))


class RRDB(nn.Module):
    def __init__(self, features: int, grow: int) -> None:
        super().__init__()
        self.rdb1 = DenseBlock(features, grow)
        self.rdb2 = DenseBlock(features, grow)
        self.rdb3 = DenseBlock(features, grow)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 0.2 * self.rdb3(self.rdb2(self.rdb1(x)))


class RRDBNet(nn.Module):
    """(B, 3, H, W) → (B, 3, 4·H, 4·W)."""

    def __init__(self, features: int = 64, blocks: int = 23, grow: int = 32) -> None:
        super().__init__()
        self.conv_first = nn.Conv2d(3, features, 3, padding=1)
        self.body = nn.Sequential(*[RRDB(features, grow) for _ in range(blocks)])
        self.conv_body = nn.Conv2d(features, features, 3, padding=1)
        self.conv_up1 = nn.Conv2d(features, features, 3, padding=1)
        self.conv_up2 = nn.Conv2d(features, features, 3, padding=1)
        self.conv_hr = nn.Conv2d(features, features, 3, padding=1)
        self.conv_last = nn.Conv2d(features, 3, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv_first(x)
        y = y + self.conv_body(self.body(y))
        y = F.leaky_relu(self.conv_up1(F.interpolate(y, scale_factor=2, mode="nearest")), 0.2)
        y = F.leaky_relu(self.conv_up2(F.interpolate(y, scale_factor=2, mode="nearest")), 0.2)
        return self.conv_last(F.leaky_relu(self.conv_hr(y), 0.2))
