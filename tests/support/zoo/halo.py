"""Attention in blocks that look beyond their borders, as in HaloNet (Vaswani et al. 2021)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class Halo(nn.Module):
    """A query attends to its own block and to ``halo`` positions around it."""

    def __init__(self, channels: int, block: int, halo: int, unfolds: str) -> None:
        super().__init__()
        self.block, self.halo, self.unfolds = block, halo, unfolds
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def keys(self, x: Tensor, blocks: int) -> Tensor:
        side = self.block + 2 * self.halo
        if self.unfolds == "function":
            y = F.unfold(x, side, stride=self.block, padding=self.halo)
            y = y.reshape(*x.shape[:2], side * side, blocks)
            return y.permute(0, 3, 2, 1)
        y = F.pad(x, (self.halo,) * 4)
        y = y.unfold(2, side, self.block).unfold(3, side, self.block)
        return y.reshape(*x.shape[:2], blocks, side * side).permute(0, 2, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        n, c, height, width = x.shape
        b, rows, columns = self.block, height // self.block, width // self.block
        queries = x.reshape(n, c, rows, b, columns, b).permute(0, 2, 4, 3, 5, 1)
        queries = queries.reshape(n, rows * columns, b * b, c)
        keys = self.keys(x, rows * columns)
        y = (queries @ keys.transpose(-1, -2)).softmax(-1) @ keys
        y = y.reshape(n, rows, columns, b, b, c).permute(0, 5, 1, 3, 2, 4)
        return y.reshape(n, c, height, width)


class HaloNet(nn.Module):
    def __init__(self, layers: int = 2, unfolds: str = "method") -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.layers = nn.ModuleList(Halo(4, 4, 1, unfolds) for _ in range(layers))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for layer in self.layers:
            x = x + layer(x)
        return x


def small_halonet() -> HaloNet:
    return HaloNet()


def small_halonet_by_function() -> HaloNet:
    return HaloNet(unfolds="function")
