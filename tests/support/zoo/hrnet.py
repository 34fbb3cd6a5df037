"""Branches of several resolutions that are exchanged, as in HRNet (Wang et al. 2020)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.support.zoo.parts import Unit, chain


def toward(source: int, target: int, widths: list[int]) -> nn.Module:
    """From one resolution to another: strided 3x3s down, 1x1 and nearest neighbours up."""
    if source == target:
        return nn.Identity()
    if source > target:
        return nn.Sequential(
            Unit(widths[source], widths[target], activation=None),
            nn.Upsample(scale_factor=2 ** (source - target), mode="nearest"),
        )
    steps: list[nn.Module] = []
    for step in range(source, target):
        last = step == target - 1
        width = widths[target] if last else widths[source]
        steps.append(Unit(widths[source], width, 3, 2, activation=None if last else nn.ReLU))
    return chain(steps)


class Exchange(nn.Module):
    """A convolution in each branch, then each becomes the sum of all."""

    def __init__(self, widths: list[int]) -> None:
        super().__init__()
        count = range(len(widths))
        self.branches = nn.ModuleList(Unit(width, width, 3) for width in widths)
        self.fuse = nn.ModuleList(
            nn.ModuleList(toward(source, target, widths) for source in count) for target in count
        )

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        maps = [branch(x) for branch, x in zip(self.branches, maps, strict=True)]
        fused = []
        for paths in self.fuse:
            assert isinstance(paths, nn.ModuleList)
            y = paths[0](maps[0])
            for path, x in zip(list(paths)[1:], maps[1:], strict=True):
                y = y + path(x)
            fused.append(F.relu(y))
        return fused


class HRNet(nn.Module):
    def __init__(self, width: int = 4, num_classes: int = 3) -> None:
        super().__init__()
        widths = [width, 2 * width, 4 * width]
        self.stem = Unit(3, width, 3, 2)
        self.begin = nn.ModuleList(toward(0, level, widths) for level in range(2))
        self.two = Exchange(widths[:2])
        self.third = Unit(widths[1], widths[2], 3, 2)
        self.three = Exchange(widths)
        self.head = nn.Conv2d(sum(widths), num_classes, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        maps = self.two([begin(x) for begin in self.begin])
        maps = self.three([*maps, self.third(maps[1])])
        size = maps[0].shape[-2:]
        maps = [
            maps[0],
            *(F.interpolate(m, size=size, mode="bilinear", align_corners=False) for m in maps[1:]),
        ]
        x = self.head(torch.cat(maps, dim=1))
        return x


def hrnet() -> HRNet:
    return HRNet()
