"""Inception v4 and Inception-ResNet v2 (Szegedy et al. 2017), without auxiliary classifiers.

Made for 299x299. What shrinks the map has no padding, everything else keeps its size.
"""

from __future__ import annotations

import torch
from torch import nn

from tests.support.zoo.parts import Branches, Classifier, Unit, chain


def valid(inputs: int, outputs: int, stride: int = 2) -> Unit:
    return Unit(inputs, outputs, 3, stride, padding=0, eps=0.001)


def unit(inputs: int, outputs: int, kernel: int | tuple[int, int] = 1) -> Unit:
    return Unit(inputs, outputs, kernel, eps=0.001)


def pooled(inputs: int, outputs: int) -> nn.Sequential:
    pool = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    return chain(pool, unit(inputs, outputs))


def halved() -> nn.MaxPool2d:
    return nn.MaxPool2d(kernel_size=3, stride=2)


def fork(inputs: int) -> Branches:
    return Branches(unit(inputs, 256, (1, 3)), unit(inputs, 256, (3, 1)))


def stem() -> nn.Sequential:
    return chain(
        valid(3, 32),
        valid(32, 32, 1),
        unit(32, 64, 3),
        Branches(halved(), valid(64, 96)),
        Branches(
            chain(unit(160, 64), valid(64, 96, 1)),
            chain(unit(160, 64), unit(64, 64, (1, 7)), unit(64, 64, (7, 1)), valid(64, 96, 1)),
        ),
        Branches(valid(192, 192), halved()),
    )


def inception_a() -> Branches:
    return Branches(
        unit(384, 96),
        chain(unit(384, 64), unit(64, 96, 3)),
        chain(unit(384, 64), unit(64, 96, 3), unit(96, 96, 3)),
        pooled(384, 96),
    )


def inception_b() -> Branches:
    return Branches(
        unit(1024, 384),
        chain(unit(1024, 192), unit(192, 224, (1, 7)), unit(224, 256, (7, 1))),
        chain(
            unit(1024, 192),
            unit(192, 192, (7, 1)),
            unit(192, 224, (1, 7)),
            unit(224, 224, (7, 1)),
            unit(224, 256, (1, 7)),
        ),
        pooled(1024, 128),
    )


def inception_c() -> Branches:
    return Branches(
        unit(1536, 256),
        chain(unit(1536, 384), fork(384)),
        chain(unit(1536, 384), unit(384, 448, (3, 1)), unit(448, 512, (1, 3)), fork(512)),
        pooled(1536, 256),
    )


def inception_v4(num_classes: int = 1000) -> Classifier:
    to_17 = Branches(
        valid(384, 384),
        chain(unit(384, 192), unit(192, 224, 3), valid(224, 256)),
        halved(),
    )
    to_8 = Branches(
        chain(unit(1024, 192), valid(192, 192)),
        chain(unit(1024, 256), unit(256, 256, (1, 7)), unit(256, 320, (7, 1)), valid(320, 320)),
        halved(),
    )
    features = chain(
        stem(),
        [inception_a() for _ in range(4)],
        to_17,
        [inception_b() for _ in range(7)],
        to_8,
        [inception_c() for _ in range(3)],
    )
    return Classifier(features, 1536, num_classes)


class Scaled(nn.Module):
    """Branches, projected back by a 1x1 and added at a fraction of their size."""

    def __init__(
        self, channels: int, branches: Branches, wide: int, scale: float, last: bool = False
    ) -> None:
        super().__init__()
        self.branches = branches
        self.project = nn.Conv2d(wide, channels, kernel_size=1)
        self.scale, self.last = scale, last

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.scale * self.project(self.branches(x))
        return x if self.last else torch.relu(x)


def block_35() -> Scaled:
    branches = Branches(
        unit(320, 32),
        chain(unit(320, 32), unit(32, 32, 3)),
        chain(unit(320, 32), unit(32, 48, 3), unit(48, 64, 3)),
    )
    return Scaled(320, branches, 128, 0.17)


def block_17() -> Scaled:
    branches = Branches(
        unit(1088, 192),
        chain(unit(1088, 128), unit(128, 160, (1, 7)), unit(160, 192, (7, 1))),
    )
    return Scaled(1088, branches, 384, 0.1)


def block_8(last: bool = False) -> Scaled:
    branches = Branches(
        unit(2080, 192),
        chain(unit(2080, 192), unit(192, 224, (1, 3)), unit(224, 256, (3, 1))),
    )
    return Scaled(2080, branches, 448, 1.0 if last else 0.2, last)


def inception_resnet_v2(num_classes: int = 1000) -> Classifier:
    to_35 = Branches(
        unit(192, 96),
        chain(unit(192, 48), unit(48, 64, 5)),
        chain(unit(192, 64), unit(64, 96, 3), unit(96, 96, 3)),
        pooled(192, 64),
    )
    to_17 = Branches(
        valid(320, 384),
        chain(unit(320, 256), unit(256, 256, 3), valid(256, 384)),
        halved(),
    )
    to_8 = Branches(
        chain(unit(1088, 256), valid(256, 384)),
        chain(unit(1088, 256), valid(256, 288)),
        chain(unit(1088, 256), unit(256, 288, 3), valid(288, 320)),
        halved(),
    )
    features = chain(
        [valid(3, 32), valid(32, 32, 1), unit(32, 64, 3), halved()],
        [unit(64, 80), valid(80, 192, 1), halved()],
        to_35,
        [block_35() for _ in range(10)],
        to_17,
        [block_17() for _ in range(20)],
        to_8,
        [block_8(last=index == 9) for index in range(10)],
        unit(2080, 1536),
    )
    return Classifier(features, 1536, num_classes)
