"""GoogLeNet (Szegedy et al. 2015): Inception modules without batch normalisation, pools that
round up, local response normalisation in the stem."""

from __future__ import annotations

import torch
from torch import nn

from tests.support.zoo.parts import Branches

# 1x1; 1x1 and 3x3; 1x1 and 5x5; behind the pool. None: a max pool.
Widths = tuple[int, int, int, int, int, int]
MODULES: tuple[Widths | None, ...] = (
    (64, 96, 128, 16, 32, 32),
    (128, 128, 192, 32, 96, 64),
    None,
    (192, 96, 208, 16, 48, 64),
    (160, 112, 224, 24, 64, 64),
    (128, 128, 256, 24, 64, 64),
    (112, 144, 288, 32, 64, 64),
    (256, 160, 320, 32, 128, 128),
    None,
    (256, 160, 320, 32, 128, 128),
    (384, 192, 384, 48, 128, 128),
)


def conv(inputs: int, outputs: int, kernel: int = 1, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2), nn.ReLU(inplace=True)]


def inception(inputs: int, widths: Widths) -> Branches:
    one, narrow3, wide3, narrow5, wide5, pooled = widths
    return Branches(
        nn.Sequential(*conv(inputs, one)),
        nn.Sequential(*conv(inputs, narrow3), *conv(narrow3, wide3, 3)),
        nn.Sequential(*conv(inputs, narrow5), *conv(narrow5, wide5, 5)),
        nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), *conv(inputs, pooled)),
    )


class GoogLeNet(nn.Module):
    def __init__(
        self,
        stem: tuple[int, int, int] = (64, 64, 192),
        modules: tuple[Widths | None, ...] = MODULES,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            *conv(3, stem[0], 7, 2),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
            nn.LocalResponseNorm(5),
            *conv(stem[0], stem[1]),
            *conv(stem[1], stem[2], 3),
            nn.LocalResponseNorm(5),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
        ]
        channels = stem[2]
        for widths in modules:
            if widths is None:
                layers.append(nn.MaxPool2d(3, stride=2, ceil_mode=True))
            else:
                layers.append(inception(channels, widths))
                channels = widths[0] + widths[2] + widths[4] + widths[5]
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.4)
        self.fc = nn.Linear(channels, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.features(x)
        x = torch.flatten(self.pool(x), 1)
        x = self.fc(self.dropout(x))
        return x


def googlenet() -> GoogLeNet:
    return GoogLeNet()


def small_googlenet() -> GoogLeNet:
    modules: tuple[Widths | None, ...] = ((2, 2, 2, 2, 2, 2), None, (2, 2, 4, 2, 2, 2))
    return GoogLeNet((4, 4, 4), modules, num_classes=3)
