"""A pyramid pooling module (Zhao et al. 2017): averages over grids of 1, 2, 3 and 6 cells."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.support.zoo.parts import Unit


class Level(nn.Module):
    """The averages over a grid, brought back to the map's own size."""

    def __init__(self, inputs: int, outputs: int, cells: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(cells)
        self.unit = Unit(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        size = x.shape[2:]
        return F.interpolate(self.unit(self.pool(x)), size=size, mode="bilinear")


class PSPNet(nn.Module):
    def __init__(
        self, width: int = 4, cells: tuple[int, ...] = (1, 2, 3, 6), num_classes: int = 3
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(Unit(3, width, 3, 2), Unit(width, width, 3, dilation=2))
        self.levels = nn.ModuleList(Level(width, width // len(cells), n) for n in cells)
        self.bottleneck = Unit(2 * width, width, 3)
        self.classify = nn.Conv2d(width, num_classes, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        size = x.shape[2:]
        x = self.stem(x)
        x = self.bottleneck(torch.cat([x, *(level(x) for level in self.levels)], dim=1))
        return F.interpolate(self.classify(x), size=size, mode="bilinear", align_corners=True)


def pspnet() -> PSPNet:
    return PSPNet()


def pspnet_without_the_whole() -> PSPNet:
    """Grids of 2 and 3 cells only: no branch sees everything."""
    return PSPNet(cells=(2, 3))
