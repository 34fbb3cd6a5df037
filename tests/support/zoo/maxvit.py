"""MaxViT-T (Tu et al. 2022): inverted residuals, attention in windows, attention over a grid.

A window holds neighbours, a grid holds positions that lie a window apart, hence all of the map.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.support.zoo.efficientnet import Gate
from tests.support.zoo.parts import chain


class MBConv(nn.Module):
    """Normalised in front; the skip is averaged and projected where shapes differ."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        hidden = 4 * outputs
        self.body = nn.Sequential(
            nn.BatchNorm2d(inputs),
            nn.Conv2d(inputs, hidden, kernel_size=1, bias=False),
            nn.BatchNorm2d(hidden),
            nn.GELU(),
            nn.Conv2d(hidden, hidden, 3, stride=stride, padding=1, groups=hidden, bias=False),
            nn.BatchNorm2d(hidden),
            nn.GELU(),
            Gate(hidden, outputs // 4),
            nn.Conv2d(hidden, outputs, kernel_size=1),
        )
        self.skip = nn.Sequential()
        if stride > 1 or inputs != outputs:
            self.skip = nn.Sequential(nn.Conv2d(inputs, outputs, kernel_size=1))
            if stride > 1:
                self.skip.insert(0, nn.AvgPool2d(3, stride=stride, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        return self.skip(x) + self.body(x)  # type: ignore[no-any-return]


class Attention(nn.Module):
    """Self-attention over the tokens (N, groups, tokens, C), biased by relative position."""

    index: Tensor

    def __init__(self, channels: int, head: int, side: int) -> None:
        super().__init__()
        self.head, self.heads = head, channels // head
        self.qkv = nn.Linear(channels, 3 * channels)
        self.merge = nn.Linear(channels, channels)
        self.table = nn.Parameter(torch.zeros((2 * side - 1) ** 2, self.heads))
        places = torch.stack(torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij"))
        places = places.flatten(1)
        apart = places[:, :, None] - places[:, None, :] + side - 1
        self.register_buffer("index", apart[0] * (2 * side - 1) + apart[1])

    def forward(self, x: Tensor) -> Tensor:
        batch, groups, tokens, channels = x.shape
        qkv = torch.chunk(self.qkv(x), 3, dim=-1)
        query, key, value = (
            part.reshape(batch, groups, tokens, self.heads, self.head).permute(0, 1, 3, 2, 4)
            for part in qkv
        )
        scores = torch.einsum("bghid,bghjd->bghij", query, key * self.head**-0.5)
        bias = self.table[self.index.view(-1)].view(tokens, tokens, -1).permute(2, 0, 1)
        scores = F.softmax(scores + bias.unsqueeze(0), dim=-1)
        y: Tensor = torch.einsum("bghij,bghjd->bghid", scores, value)
        y = self.merge(y.permute(0, 1, 3, 2, 4).reshape(batch, groups, tokens, channels))
        return y


class Partitioned(nn.Module):
    """Attention and a perceptron inside windows of ``side``, or over grids of as many cells."""

    def __init__(self, channels: int, head: int, side: int, grid: bool) -> None:
        super().__init__()
        self.side, self.grid = side, grid
        self.norm1 = nn.LayerNorm(channels)
        self.attention = Attention(channels, head, side)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = nn.Sequential(
            nn.Linear(channels, 4 * channels), nn.GELU(), nn.Linear(4 * channels, channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        side = self.side
        across = side if self.grid else height // side
        along = side if self.grid else width // side
        x = x.reshape(batch, channels, across, height // across, along, width // along)
        # The tokens are positions inside a window, or the windows' own places.
        order = (0, 3, 5, 2, 4, 1) if self.grid else (0, 2, 4, 3, 5, 1)
        x = x.permute(order)
        outer = x.shape[1:3]
        x = x.reshape(batch, outer[0] * outer[1], side * side, channels)
        x = x + self.attention(self.norm1(x))
        x = x + self.mlp(self.norm2(x))
        x = x.reshape(batch, *outer, side, side, channels)
        order = (0, 5, 3, 1, 4, 2) if self.grid else (0, 5, 1, 3, 2, 4)
        return x.permute(order).reshape(batch, channels, height, width)


class MaxViT(nn.Module):
    def __init__(
        self,
        stem: int = 64,
        widths: tuple[int, ...] = (64, 128, 256, 512),
        depths: tuple[int, ...] = (2, 2, 5, 2),
        head: int = 32,
        side: int = 7,
        num_classes: int = 1000,
        grid: bool = True,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, stem, kernel_size=3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(stem),
            nn.GELU(),
            nn.Conv2d(stem, stem, kernel_size=3, padding=1),
        )
        layers: list[nn.Module] = []
        channels = stem
        for width, depth in zip(widths, depths, strict=True):
            for index in range(depth):
                layers.append(MBConv(channels, width, 1 if index else 2))
                layers.append(Partitioned(width, head, side, grid=False))
                if grid:
                    layers.append(Partitioned(width, head, side, grid=True))
                channels = width
        self.blocks = chain(layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.LayerNorm(channels),
            nn.Linear(channels, channels),
            nn.Tanh(),
            nn.Linear(channels, num_classes, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(self.stem(x))
        x = self.classifier(self.pool(x).flatten(1))
        return x


def maxvit_t() -> MaxViT:
    return MaxViT()


def small_maxvit() -> MaxViT:
    return MaxViT(4, (4, 8), (1, 1), head=2, side=2, num_classes=3)
