"""Four blocks, three of them with dilated kernels: no stride, no pool before the head."""

import torch
from torch import nn


def separable(inputs: int, outputs: int, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(
            inputs, inputs, 3, padding=dilation, dilation=dilation, groups=inputs, bias=False
        ),
        nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU()
        )
        self.block1 = nn.Sequential(separable(32, 48), separable(48, 48, dilation=2))
        self.block2 = nn.Sequential(separable(48, 64), separable(64, 64, dilation=8))
        self.block3 = nn.Sequential(separable(64, 96), separable(96, 96, dilation=8))
        self.block4 = nn.Sequential(separable(96, 128), separable(128, 128))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(128, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.block2(self.block1(self.stem(x)))
        x = self.block4(self.block3(x))
        return self.head(self.pool(x).flatten(1))
