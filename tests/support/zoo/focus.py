"""A stem that moves space into channels by slices, and cross-stage partial blocks behind it
(Wang et al. 2020), with the pyramid of max pools at the end (SPP, He et al. 2014)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.support.zoo.parts import Unit


class Focus(nn.Module):
    """Every second position four times over: (C, H, W) to (4C, H/2, W/2), and a convolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = Unit(4 * inputs, outputs, 3, activation=nn.SiLU)

    def forward(self, x: Tensor) -> Tensor:
        parts = (
            x[..., ::2, ::2],
            x[..., 1::2, ::2],
            x[..., ::2, 1::2],
            x[..., 1::2, 1::2],
        )
        return self.conv(torch.cat(parts, 1))  # type: ignore[no-any-return]


class CSP(nn.Module):
    """Half of the channels through bottlenecks, half past them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.left = Unit(channels, half, activation=nn.SiLU)
        self.right = Unit(channels, half, activation=nn.SiLU)
        self.inner = nn.Sequential(
            Unit(half, half, activation=nn.SiLU), Unit(half, half, 3, activation=nn.SiLU)
        )
        self.last = Unit(2 * half, channels, activation=nn.SiLU)

    def forward(self, x: Tensor) -> Tensor:
        y = self.left(x)
        y = y + self.inner(y)
        return self.last(torch.cat((y, self.right(x)), dim=1))  # type: ignore[no-any-return]


class SPP(nn.Module):
    """The map beside its maxima over growing windows."""

    def __init__(self, channels: int, sides: tuple[int, ...] = (3, 5)) -> None:
        super().__init__()
        self.pools = nn.ModuleList(
            nn.MaxPool2d(side, stride=1, padding=side // 2) for side in sides
        )
        self.last = Unit((len(sides) + 1) * channels, channels, activation=nn.SiLU)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.cat([x] + [pool(x) for pool in self.pools], 1))  # type: ignore[no-any-return]


class Detector(nn.Module):
    """Two scales, the finer one with the coarser upsampled beside it; boxes by a permuted view."""

    def __init__(self, width: int = 4, outputs: int = 3) -> None:
        super().__init__()
        self.outputs = outputs
        self.focus = Focus(3, width)
        self.stage1 = nn.Sequential(Unit(width, width, 3, 2, activation=nn.SiLU), CSP(width))
        self.stage2 = nn.Sequential(Unit(width, width, 3, 2, activation=nn.SiLU), SPP(width))
        self.fine = nn.Conv2d(2 * width, 2 * outputs, kernel_size=1)
        self.coarse = nn.Conv2d(width, 2 * outputs, kernel_size=1)

    def boxes(self, x: Tensor) -> Tensor:
        """(N, anchors * outputs, H, W) to (N, anchors, H, W, outputs)."""
        batch, _, height, width = x.shape
        return x.view(batch, 2, self.outputs, height, width).permute(0, 1, 3, 4, 2).contiguous()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        fine = self.stage1(self.focus(x))
        coarse = self.stage2(fine)
        above = F.interpolate(coarse, scale_factor=2, mode="nearest")
        return (
            self.boxes(self.fine(torch.cat([fine, above], 1))).sigmoid(),
            self.boxes(self.coarse(coarse)).sigmoid(),
        )


def detector() -> Detector:
    return Detector()
