"""ResNet v1 as in TensorFlow's model library: the last unit of a block carries the stride, and the
first pool is padded on the far side."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.support.zoo.parts import Classifier, Unit, chain


class Bottleneck(nn.Module):
    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = 4 * width
        self.body = nn.Sequential(
            Unit(inputs, width),
            Unit(width, width, 3, stride),
            Unit(width, outputs, activation=None),
        )
        if inputs != outputs:
            self.skip: nn.Module = Unit(inputs, outputs, 1, stride, activation=None)
        elif stride > 1:
            self.skip = nn.MaxPool2d(kernel_size=1, stride=stride)
        else:
            self.skip = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.skip(x) + self.body(x))


def resnet_v1(depths: tuple[int, ...], num_classes: int = 1000) -> Classifier:
    stem = [Unit(3, 64, 7, 2), nn.ZeroPad2d((0, 1, 0, 1)), nn.MaxPool2d(3, stride=2)]
    units = []
    channels = 64
    for block, depth in enumerate(depths):
        width = 64 << block
        for index in range(depth):
            last = index == depth - 1 and block < len(depths) - 1
            units.append(Bottleneck(channels, width, 2 if last else 1))
            channels = 4 * width
    return Classifier(chain(stem, units), channels, num_classes)


def resnet_v1_50() -> Classifier:
    return resnet_v1((3, 4, 6, 3))


def resnet_v1_101() -> Classifier:
    return resnet_v1((3, 4, 23, 3))


def resnet_v1_152() -> Classifier:
    return resnet_v1((3, 8, 36, 3))
