"""A small DenseNet: every layer reads all maps before it."""

from __future__ import annotations

import torch
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
