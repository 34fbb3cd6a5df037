"""Inception v3 without its auxiliary classifier: branches of many shapes, 1x7 and 7x1 among them.

Made for 299x299, which it brings to 8x8.
"""

from __future__ import annotations

import torch
from torch import nn

from tests.support.zoo.parts import Branches


class Unit(nn.Sequential):
    """Convolution, batch normalisation, ReLU."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int | tuple[int, int] = 1,
        stride: int = 1,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False),
            nn.BatchNorm2d(outputs, eps=0.001),
            nn.ReLU(inplace=True),
        )


def averaged(inputs: int, outputs: int) -> nn.Sequential:
    """The branch that averages 3x3 neighbourhoods in front of its 1x1."""
    return nn.Sequential(nn.AvgPool2d(3, stride=1, padding=1), Unit(inputs, outputs))


def square(inputs: int, pooled: int) -> Branches:
    """35x35: kernels of 5x5 and 3x3."""
    return Branches(
        Unit(inputs, 64),
        nn.Sequential(Unit(inputs, 48), Unit(48, 64, 5, padding=2)),
        nn.Sequential(Unit(inputs, 64), Unit(64, 96, 3, padding=1), Unit(96, 96, 3, padding=1)),
        averaged(inputs, pooled),
    )


def first_reduction(inputs: int) -> Branches:
    """35x35 -> 17x17."""
    return Branches(
        Unit(inputs, 384, 3, stride=2),
        nn.Sequential(Unit(inputs, 64), Unit(64, 96, 3, padding=1), Unit(96, 96, 3, stride=2)),
        nn.MaxPool2d(3, stride=2),
    )


def across(inputs: int, outputs: int) -> Unit:
    return Unit(inputs, outputs, (1, 7), padding=(0, 3))


def down(inputs: int, outputs: int) -> Unit:
    return Unit(inputs, outputs, (7, 1), padding=(3, 0))


def factorised(inputs: int, width: int) -> Branches:
    """17x17: a 7x7 kernel taken apart once, and twice."""
    return Branches(
        Unit(inputs, 192),
        nn.Sequential(Unit(inputs, width), across(width, width), down(width, 192)),
        nn.Sequential(
            Unit(inputs, width),
            down(width, width),
            across(width, width),
            down(width, width),
            across(width, 192),
        ),
        averaged(inputs, 192),
    )


def second_reduction(inputs: int) -> Branches:
    """17x17 -> 8x8."""
    return Branches(
        nn.Sequential(Unit(inputs, 192), Unit(192, 320, 3, stride=2)),
        nn.Sequential(
            Unit(inputs, 192),
            across(192, 192),
            down(192, 192),
            Unit(192, 192, 3, stride=2),
        ),
        nn.MaxPool2d(3, stride=2),
    )


def fork(inputs: int) -> Branches:
    """A 1x3 and a 3x1 side by side."""
    return Branches(
        Unit(inputs, 384, (1, 3), padding=(0, 1)),
        Unit(inputs, 384, (3, 1), padding=(1, 0)),
    )


def forked(inputs: int) -> Branches:
    """8x8: branches that divide once more."""
    return Branches(
        Unit(inputs, 320),
        nn.Sequential(Unit(inputs, 384), fork(384)),
        nn.Sequential(Unit(inputs, 448), Unit(448, 384, 3, padding=1), fork(384)),
        averaged(inputs, 192),
    )


class InceptionV3(nn.Module):
    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            Unit(3, 32, 3, stride=2),
            Unit(32, 32, 3),
            Unit(32, 64, 3, padding=1),
            nn.MaxPool2d(3, stride=2),
            Unit(64, 80),
            Unit(80, 192, 3),
            nn.MaxPool2d(3, stride=2),
        )
        self.trunk = nn.Sequential(
            square(192, 32),
            square(256, 64),
            square(288, 64),
            first_reduction(288),
            factorised(768, 128),
            factorised(768, 160),
            factorised(768, 160),
            factorised(768, 192),
            second_reduction(768),
            forked(1280),
            forked(2048),
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout()
        self.fc = nn.Linear(2048, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        x = self.trunk(x)
        x = self.dropout(self.pool(x))
        x = self.fc(torch.flatten(x, 1))
        return x


def inception_v3(num_classes: int = 1000) -> InceptionV3:
    return InceptionV3(num_classes)
