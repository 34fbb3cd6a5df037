"""Inception v2 (Ioffe and Szegedy 2015) as in TensorFlow's model library: a separable 7x7 at the
start, and strided windows padded on the far side of maps of even size."""

from __future__ import annotations

import torch
from torch import nn

from tests.support.zoo.parts import Branches, Unit, chain


def strided(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.ZeroPad2d((0, 1, 0, 1)), Unit(inputs, outputs, 3, 2, padding=0)]


def halved() -> list[nn.Module]:
    """A max pool; behind a ReLU zeros count as little as nothing."""
    return [nn.ZeroPad2d((0, 1, 0, 1)), nn.MaxPool2d(kernel_size=3, stride=2)]


def module(
    inputs: int, one: int, three: tuple[int, int], twice: tuple[int, int], pooled: int, pool: str
) -> Branches:
    pools = {"average": nn.AvgPool2d(3, 1, padding=1), "max": nn.MaxPool2d(3, 1, padding=1)}
    return Branches(
        Unit(inputs, one),
        chain(Unit(inputs, three[0]), Unit(three[0], three[1], 3)),
        chain(Unit(inputs, twice[0]), Unit(twice[0], twice[1], 3), Unit(twice[1], twice[1], 3)),
        chain(pools[pool], Unit(inputs, pooled)),
    )


def reduction(inputs: int, three: tuple[int, int], twice: tuple[int, int]) -> Branches:
    return Branches(
        chain(Unit(inputs, three[0]), strided(three[0], three[1])),
        chain(Unit(inputs, twice[0]), Unit(twice[0], twice[1], 3), strided(twice[1], twice[1])),
        chain(halved()),
    )


class InceptionV2(nn.Module):
    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        self.features = chain(
            nn.ZeroPad2d((2, 3, 2, 3)),
            nn.Conv2d(3, 24, kernel_size=7, stride=2, groups=3, bias=False),
            Unit(24, 64),
            halved(),
            Unit(64, 64),
            Unit(64, 192, 3),
            halved(),
            module(192, 64, (64, 64), (64, 96), 32, "average"),
            module(256, 64, (64, 96), (64, 96), 64, "average"),
            reduction(320, (128, 160), (64, 96)),
            module(576, 224, (64, 96), (96, 128), 128, "average"),
            module(576, 192, (96, 128), (96, 128), 128, "average"),
            module(576, 160, (128, 160), (128, 160), 96, "average"),
            module(576, 96, (128, 192), (160, 192), 96, "average"),
            reduction(576, (128, 192), (192, 256)),
            module(1024, 352, (192, 320), (160, 224), 128, "average"),
            module(1024, 352, (192, 320), (192, 224), 128, "max"),
        )
        self.fc = nn.Linear(1024, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.features(x)
        x = self.fc(x.mean(dim=(2, 3)))
        return x


def inception_v2() -> InceptionV2:
    return InceptionV2()
