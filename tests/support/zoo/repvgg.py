"""RepVGG-A0 (Ding et al. 2021) as it is trained: 3x3, 1x1 and identity, each normalised, summed."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.support.zoo.parts import Classifier, Unit, chain


class Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.dense = Unit(inputs, outputs, 3, stride, activation=None)
        self.point = Unit(inputs, outputs, 1, stride, activation=None)
        self.identity: nn.Module | None = None
        if stride == 1 and inputs == outputs:
            self.identity = nn.BatchNorm2d(inputs)

    def forward(self, x: Tensor) -> Tensor:
        y = self.dense(x) + self.point(x)
        if self.identity is not None:
            y = y + self.identity(x)
        return torch.relu(y)


def repvgg(depths: tuple[int, ...], widths: tuple[int, ...], num_classes: int = 1000) -> Classifier:
    blocks = []
    channels = 3
    for depth, width in zip(depths, widths, strict=True):
        for index in range(depth):
            blocks.append(Block(channels, width, 1 if index else 2))
            channels = width
    return Classifier(chain(blocks), channels, num_classes)


def repvgg_a0() -> Classifier:
    return repvgg((1, 2, 4, 14, 1), (48, 48, 96, 192, 1280))


def small_repvgg() -> Classifier:
    return repvgg((1, 2, 2), (4, 4, 8), num_classes=3)
