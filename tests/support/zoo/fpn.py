"""A feature pyramid (Lin et al. 2017) on a small residual network: a map for every resolution."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from tests.support.zoo.parts import Unit, chain
from tests.support.zoo.resnet import Basic


class FPN(nn.Module):
    """Top down: the coarser map by nearest neighbours to the finer one's size, odd or even."""

    def __init__(self, widths: tuple[int, ...] = (4, 4, 8), channels: int = 4) -> None:
        super().__init__()
        self.stem = chain([Unit(3, widths[0], 3, 2)])
        stages: list[nn.Module] = []
        inputs = widths[0]
        for number, width in enumerate(widths):
            stages.append(Basic(inputs, width, 2 if number else 1))
            inputs = width
        self.stages = nn.ModuleList(stages)
        self.lateral = nn.ModuleList(nn.Conv2d(width, channels, kernel_size=1) for width in widths)
        self.smooth = nn.ModuleList(
            nn.Conv2d(channels, channels, kernel_size=3, padding=1) for _ in widths
        )

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x = self.stem(x)
        maps = []
        for stage, lateral in zip(self.stages, self.lateral, strict=True):
            x = stage(x)
            maps.append(lateral(x))
        for level in range(len(maps) - 2, -1, -1):
            top = F.interpolate(maps[level + 1], size=maps[level].shape[-2:], mode="nearest")
            maps[level] = maps[level] + top
        found = {f"p{level}": smooth(maps[level]) for level, smooth in enumerate(self.smooth)}
        found["pool"] = F.max_pool2d(found[f"p{len(maps) - 1}"], kernel_size=1, stride=2)
        return found


def fpn() -> FPN:
    return FPN()
