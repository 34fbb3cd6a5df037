"""DenseNet (Huang et al. 2017), and a small one: every layer reads all maps before it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


class Layer(nn.Module):
    """Batch normalisation and ReLU first, then a 1x1 and a 3x3; the input is kept beside it."""

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm2d(inputs),
            nn.ReLU(),
            nn.Conv2d(inputs, 4 * growth, kernel_size=1, bias=False),
            nn.BatchNorm2d(4 * growth),
            nn.ReLU(),
            nn.Conv2d(4 * growth, growth, kernel_size=3, padding=1, bias=False),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat((x, self.body(x)), dim=1)


class DenseNet(nn.Module):
    """Three blocks, with a 1x1 and an average pool between one and the next."""

    def __init__(self, num_classes: int = 10, growth: int = 12, depth: int = 4) -> None:
        super().__init__()
        channels = 2 * growth
        self.stem = nn.Conv2d(3, channels, kernel_size=3, padding=1, bias=False)
        stages: list[nn.Module] = []
        for block in range(3):
            if block > 0:
                stages.append(nn.BatchNorm2d(channels))
                stages.append(nn.ReLU())
                stages.append(nn.Conv2d(channels, channels // 2, kernel_size=1, bias=False))
                stages.append(nn.AvgPool2d(kernel_size=2))
                channels //= 2
            for _ in range(depth):
                stages.append(Layer(channels, growth))
                channels += growth
        self.stages = nn.Sequential(*stages)
        self.norm = nn.BatchNorm2d(channels)
        self.fc = nn.Linear(channels, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        x = self.stages(x)
        x = torch.relu(self.norm(x))
        x = x.mean(3).mean(2)
        x = self.fc(x)
        return x


def densenet(num_classes: int = 10) -> DenseNet:
    return DenseNet(num_classes)


class DenseNetBC(nn.Module):
    """For ImageNet: a 7x7 stem, then blocks of bottlenecks, halved in width and size between."""

    def __init__(
        self,
        depths: tuple[int, ...],
        growth: int = 32,
        stem: int = 64,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            nn.Conv2d(3, stem, kernel_size=7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(stem),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
        ]
        channels = stem
        for number, depth in enumerate(depths):
            if number:
                layers += [
                    nn.BatchNorm2d(channels),
                    nn.ReLU(inplace=True),
                    nn.Conv2d(channels, channels // 2, kernel_size=1, bias=False),
                    nn.AvgPool2d(kernel_size=2, stride=2),
                ]
                channels //= 2
            for _ in range(depth):
                layers.append(Layer(channels, growth))
                channels += growth
        layers.append(nn.BatchNorm2d(channels))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(channels, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.features(x), inplace=True)
        x = F.adaptive_avg_pool2d(x, (1, 1)).flatten(1)
        x = self.classifier(x)
        return x


def densenet121(num_classes: int = 1000) -> DenseNetBC:
    return DenseNetBC((6, 12, 24, 16), num_classes=num_classes)


def densenet201(num_classes: int = 1000) -> DenseNetBC:
    return DenseNetBC((6, 12, 48, 32), num_classes=num_classes)


def small_densenet_bc() -> DenseNetBC:
    return DenseNetBC((2, 2), growth=2, stem=4, num_classes=3)
