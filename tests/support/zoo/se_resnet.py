"""SE-ResNet (Hu et al. 2018): a bottleneck's result is weighed by a gate before the skip."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.support.zoo.parts import Classifier, Unit, chain
from tests.support.zoo.se import Gate


class Bottleneck(nn.Module):
    def __init__(self, inputs: int, width: int, stride: int, reduction: int) -> None:
        super().__init__()
        outputs = 4 * width
        self.body = nn.Sequential(
            Unit(inputs, width),
            Unit(width, width, 3, stride),
            Unit(width, outputs, activation=None),
        )
        self.gate = Gate(outputs, reduction)
        self.skip: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.skip = Unit(inputs, outputs, 1, stride, activation=None)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.gate(self.body(x)) + self.skip(x))


def se_resnet(
    depths: tuple[int, ...] = (3, 4, 6, 3),
    width: int = 64,
    reduction: int = 16,
    num_classes: int = 1000,
) -> Classifier:
    blocks = []
    channels = width
    for stage, depth in enumerate(depths):
        for index in range(depth):
            stride = 2 if stage and not index else 1
            blocks.append(Bottleneck(channels, width << stage, stride, reduction))
            channels = 4 * width << stage
    stem = [Unit(3, width, 7, 2), nn.MaxPool2d(kernel_size=3, stride=2, padding=1)]
    return Classifier(chain(stem, blocks), channels, num_classes)


def se_resnet50() -> Classifier:
    return se_resnet()


def small_se_resnet() -> Classifier:
    return se_resnet((1, 1), width=4, reduction=4, num_classes=3)
