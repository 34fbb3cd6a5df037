"""MobileNet v1 and MobileNetV2."""

from __future__ import annotations

import torch
from torch import nn


def unit(
    inputs: int,
    outputs: int,
    kernel: int = 1,
    stride: int = 1,
    groups: int = 1,
    activation: type[nn.Module] | None = nn.ReLU6,
    padding: int | None = None,
) -> list[nn.Module]:
    """Convolution without a bias, batch normalisation, and an activation if one is wanted."""
    pad = kernel // 2 if padding is None else padding
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, pad, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    if activation is not None:
        layers.append(activation())
    return layers


class MobileNetV1(nn.Module):
    """A full convolution, then thirteen separable ones.

    Padded alike on both sides, or with ``behind`` a strided convolution on the far side only, as
    TensorFlow pads maps of even size.
    """

    # (channels, stride) of each separable convolution
    pairs = (
        (64, 1),
        (128, 2),
        (128, 1),
        (256, 2),
        (256, 1),
        (512, 2),
        (512, 1),
        (512, 1),
        (512, 1),
        (512, 1),
        (512, 1),
        (1024, 2),
        (1024, 1),
    )

    def __init__(self, num_classes: int = 1000, behind: bool = False) -> None:
        super().__init__()
        layers = self.strided(3, 32, 1, behind)
        channels = 32
        for width, stride in self.pairs:
            if stride == 1:
                layers += unit(channels, channels, 3, groups=channels, activation=nn.ReLU)
            else:
                layers += self.strided(channels, channels, channels, behind)
            layers += unit(channels, width, activation=nn.ReLU)
            channels = width
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, num_classes)

    @staticmethod
    def strided(inputs: int, outputs: int, groups: int, behind: bool) -> list[nn.Module]:
        if not behind:
            return unit(inputs, outputs, 3, 2, groups=groups, activation=nn.ReLU)
        conv = unit(inputs, outputs, 3, 2, groups=groups, activation=nn.ReLU, padding=0)
        return [nn.ZeroPad2d((0, 1, 0, 1)), *conv]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.features(x)
        x = self.pool(x)
        x = self.classifier(x.flatten(1))
        return x


class InvertedResidual(nn.Module):
    """Widen by a 1x1, filter each channel by a 3x3, narrow by a 1x1 without an activation."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        layers = unit(inputs, hidden) if expansion > 1 else []
        layers += unit(hidden, hidden, kernel=3, stride=stride, groups=hidden)
        layers += unit(hidden, outputs, activation=None)
        self.body = nn.Sequential(*layers)
        self.has_skip = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.body(x)
        return x + y if self.has_skip else y


class MobileNetV2(nn.Module):
    # (expansion, channels, blocks, stride of the first block)
    stages = (
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    )

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        layers = unit(3, 32, kernel=3, stride=2)
        channels = 32
        for expansion, width, blocks, first in self.stages:
            for index in range(blocks):
                stride = first if index == 0 else 1
                layers.append(InvertedResidual(channels, width, stride, expansion))
                channels = width
        layers += unit(channels, 1280)
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, num_classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.features(x)
        x = nn.functional.adaptive_avg_pool2d(x, (1, 1))
        x = self.classifier(torch.flatten(x, 1))
        return x


def mobilenet_v1(num_classes: int = 1000) -> MobileNetV1:
    return MobileNetV1(num_classes)


def mobilenet_v1_padded_behind() -> MobileNetV1:
    return MobileNetV1(behind=True)


def mobilenet_v2(num_classes: int = 1000) -> MobileNetV2:
    return MobileNetV2(num_classes)
