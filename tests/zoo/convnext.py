"""One ConvNeXt stage: channels go last for LayerNorm and Linear, and first again behind them."""

from __future__ import annotations

import torch
from torch import nn


class Block(nn.Module):
    """7x7 depthwise convolution, then a two-layer perceptron at every position, and a skip."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, kernel_size=7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.widen = nn.Linear(channels, 4 * channels)
        self.act = nn.GELU()
        self.narrow = nn.Linear(4 * channels, channels)
        self.scale = nn.Parameter(torch.full((channels,), 1e-6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.depthwise(x)
        y = y.permute(0, 2, 3, 1)
        y = self.norm(y)
        y = self.narrow(self.act(self.widen(y)))
        y = (self.scale * y).permute(0, 3, 1, 2)
        return x + y


class ConvNeXt(nn.Module):
    """A 4x4 patch stem, three blocks, a mean over the positions and a linear layer."""

    def __init__(self, num_classes: int = 10, channels: int = 24, depth: int = 3) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, channels, kernel_size=4, stride=4)
        self.stage = nn.Sequential(*(Block(channels) for _ in range(depth)))
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.head = nn.Linear(channels, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        x = self.stage(x)
        x = self.norm(x.mean([-2, -1]))
        x = self.head(x)
        return x


def convnext(num_classes: int = 10) -> ConvNeXt:
    return ConvNeXt(num_classes)
