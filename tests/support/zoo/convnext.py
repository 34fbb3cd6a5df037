"""ConvNeXt (Liu et al. 2022), one stage of it and all four: channels go last for LayerNorm and
Linear, and first again behind them."""

from __future__ import annotations

import torch
from torch import nn

from tests.support.zoo.parts import ChannelNorm


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


class FourStages(nn.Module):
    """Normalised and halved in size between the stages."""

    def __init__(
        self,
        depths: tuple[int, ...] = (3, 3, 9, 3),
        widths: tuple[int, ...] = (96, 192, 384, 768),
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            nn.Conv2d(3, widths[0], kernel_size=4, stride=4),
            ChannelNorm(widths[0], eps=1e-6),
        ]
        for number, (depth, width) in enumerate(zip(depths, widths, strict=True)):
            if number:
                layers.append(ChannelNorm(widths[number - 1], eps=1e-6))
                layers.append(nn.Conv2d(widths[number - 1], width, kernel_size=2, stride=2))
            layers += [Block(width) for _ in range(depth)]
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.norm = ChannelNorm(widths[-1], eps=1e-6)
        self.head = nn.Linear(widths[-1], num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool(self.features(x))
        x = self.head(self.norm(x).flatten(1))
        return x


def convnext_tiny(num_classes: int = 1000) -> FourStages:
    return FourStages(num_classes=num_classes)


def small_convnext() -> FourStages:
    return FourStages((1, 1), (4, 8), num_classes=3)
