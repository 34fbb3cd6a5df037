"""The teacher of both reference networks: a ResNet-9, which no spec limits.

Its shape is D. Page's, "How to Train Your ResNet", 2018, at five eighths of its width and with an
average over the last map.
"""

import torch
from torch import nn


def convolution(inputs: int, outputs: int, pool: bool = False) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.SiLU(),
    ]
    return nn.Sequential(*layers, *([nn.MaxPool2d(2)] if pool else []))


class Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(convolution(width, width), convolution(width, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.body(x)


class Teacher(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(
            convolution(3, 40),
            convolution(40, 80, pool=True),
            Residual(80),
            convolution(80, 160, pool=True),
            Residual(160),
            convolution(160, 320, pool=True),
            Residual(320),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(320, 10),
        )
