"""ShuffleNet (Zhang et al. 2018) and ShuffleNet v2 (Ma et al. 2018): channels shuffled by views."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.support.zoo.parts import Classifier, Unit, chain


def shuffle(x: Tensor, groups: int) -> Tensor:
    """The channels of all groups in turn."""
    batch, channels, height, width = x.size()
    x = x.view(batch, groups, channels // groups, height, width)
    return torch.transpose(x, 1, 2).contiguous().view(batch, -1, height, width)


class GroupedUnit(nn.Module):
    """Version 1: grouped 1x1, shuffle, depthwise 3x3, grouped 1x1; a strided unit concatenates."""

    def __init__(self, inputs: int, outputs: int, stride: int, groups: int, first: bool) -> None:
        super().__init__()
        self.stride, self.groups = stride, groups
        hidden = outputs // 4
        added = outputs - inputs if stride > 1 else outputs
        self.narrow = Unit(inputs, hidden, groups=1 if first else groups)
        self.depthwise = Unit(hidden, hidden, 3, stride, groups=hidden, activation=None)
        self.widen = Unit(hidden, added, groups=groups, activation=None)

    def forward(self, x: Tensor) -> Tensor:
        y = self.widen(self.depthwise(shuffle(self.narrow(x), self.groups)))
        if self.stride > 1:
            return F.relu(torch.cat((F.avg_pool2d(x, 3, stride=2, padding=1), y), dim=1))
        return F.relu(x + y)


def shufflenet_v1(
    stem: int = 24,
    widths: tuple[int, ...] = (240, 480, 960),
    depths: tuple[int, ...] = (4, 8, 4),
    groups: int = 3,
    num_classes: int = 1000,
) -> Classifier:
    layers: list[nn.Module] = [Unit(3, stem, 3, 2), nn.MaxPool2d(3, stride=2, padding=1)]
    channels = stem
    for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
        for index in range(depth):
            stride, first = 1 if index else 2, stage == index == 0
            layers.append(GroupedUnit(channels, width, stride, groups, first))
            channels = width
    return Classifier(chain(layers), channels, num_classes)


class SplitUnit(nn.Module):
    """Version 2: half of the channels pass by; a strided unit sends all through both branches."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        half = outputs // 2
        self.stride = stride
        taken = inputs if stride > 1 else inputs // 2
        self.main = nn.Sequential(
            Unit(taken, half),
            Unit(half, half, 3, stride, groups=half, activation=None),
            Unit(half, half),
        )
        self.side = nn.Sequential()
        if stride > 1:
            self.side = nn.Sequential(
                Unit(inputs, inputs, 3, stride, groups=inputs, activation=None), Unit(inputs, half)
            )

    def forward(self, x: Tensor) -> Tensor:
        left, right = x.chunk(2, dim=1) if self.stride == 1 else (self.side(x), x)
        return shuffle(torch.cat((left, self.main(right)), dim=1), 2)


def shufflenet_v2(
    stem: int = 24,
    widths: tuple[int, ...] = (116, 232, 464),
    depths: tuple[int, ...] = (4, 8, 4),
    last: int = 1024,
    num_classes: int = 1000,
) -> Classifier:
    layers: list[nn.Module] = [Unit(3, stem, 3, 2), nn.MaxPool2d(3, stride=2, padding=1)]
    channels = stem
    for width, depth in zip(widths, depths, strict=True):
        for index in range(depth):
            layers.append(SplitUnit(channels, width, 1 if index else 2))
            channels = width
    layers.append(Unit(channels, last))
    return Classifier(chain(layers), last, num_classes)


def small_shufflenet_v1() -> Classifier:
    return shufflenet_v1(6, (24, 48), (2, 2), groups=3, num_classes=3)


def small_shufflenet_v2() -> Classifier:
    return shufflenet_v2(4, (8, 16), (2, 2), last=8, num_classes=3)
