"""ResNeXt-50 32x4d (Xie et al. 2017) and RegNetY-400MF (Radosavovic et al. 2020)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.support.zoo.parts import Classifier, Unit, chain


class Gate(nn.Module):
    """Squeeze-and-excite by means and two linear layers."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, squeezed)
        self.excite = nn.Linear(squeezed, channels)

    def forward(self, x: Tensor) -> Tensor:
        y = x.mean(dim=(2, 3))
        y = torch.sigmoid(self.excite(torch.relu(self.squeeze(y))))
        return x * y[:, :, None, None]


class Block(nn.Module):
    """1x1, grouped 3x3 (strided), a gate if one is wanted, 1x1, and a skip."""

    def __init__(
        self, inputs: int, hidden: int, outputs: int, stride: int, groups: int, gated: bool
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            Unit(inputs, hidden),
            Unit(hidden, hidden, 3, stride, groups=groups),
        ]
        if gated:
            layers.append(Gate(hidden, inputs // 4))
        layers.append(Unit(hidden, outputs, activation=None))
        self.body = nn.Sequential(*layers)
        self.skip: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.skip = Unit(inputs, outputs, 1, stride, activation=None)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.skip(x) + self.body(x))


def resnext(
    depths: tuple[int, ...] = (3, 4, 6, 3),
    width: int = 64,
    groups: int = 32,
    num_classes: int = 1000,
) -> Classifier:
    """The grouped 3x3 is twice as wide as in a ResNet."""
    layers: list[nn.Module] = [Unit(3, width, 7, 2), nn.MaxPool2d(3, stride=2, padding=1)]
    channels = width
    for stage, depth in enumerate(depths):
        wide = width << stage
        for index in range(depth):
            stride = 2 if stage and not index else 1
            layers.append(Block(channels, 2 * wide, 4 * wide, stride, groups, gated=False))
            channels = 4 * wide
    return Classifier(chain(layers), channels, num_classes)


def regnet_y(
    depths: tuple[int, ...] = (1, 3, 6, 6),
    widths: tuple[int, ...] = (48, 104, 208, 440),
    group: int = 8,
    stem: int = 32,
    num_classes: int = 1000,
) -> Classifier:
    """Every stage strided, groups of eight channels, gates in all blocks."""
    layers: list[nn.Module] = [Unit(3, stem, 3, 2)]
    channels = stem
    for depth, width in zip(depths, widths, strict=True):
        for index in range(depth):
            stride = 1 if index else 2
            layers.append(Block(channels, width, width, stride, width // group, gated=True))
            channels = width
    return Classifier(chain(layers), channels, num_classes)


def resnext50() -> Classifier:
    return resnext()


def regnet_y_400mf() -> Classifier:
    return regnet_y()


def small_resnext() -> Classifier:
    return resnext((1, 2), width=4, groups=2, num_classes=3)


def small_regnet() -> Classifier:
    return regnet_y((1, 2), (8, 8), group=4, stem=4, num_classes=3)
