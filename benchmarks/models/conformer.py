"""A Conformer (Gulati et al. 2020) without relative positions, of sequences of given lengths."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class FeedForward(nn.Sequential):
    """Half of a step through a layer that is four times as wide."""

    def __init__(self, width: int) -> None:
        super().__init__(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.SiLU(), nn.Linear(4 * width, width)
        )


class Convolution(nn.Module):
    """A gated, depthwise convolution along the sequence."""

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.layers = nn.Sequential(
            nn.Conv1d(width, 2 * width, 1),
            nn.GLU(1),
            nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width),
            nn.BatchNorm1d(width),
            nn.SiLU(),
            nn.Conv1d(width, width, 1),
        )

    def forward(self, x: Tensor, padding: Tensor) -> Tensor:
        """The convolution of a sequence whose padding is taken for zeros."""
        x = self.norm(x).masked_fill(padding[..., None], 0.0)
        y: Tensor = self.layers(x.transpose(1, 2)).transpose(1, 2)
        return y


class Block(nn.Module):
    """A feed-forward layer, attention, a convolution and another feed-forward layer."""

    def __init__(self, width: int, heads: int, kernel: int) -> None:
        super().__init__()
        self.first, self.last = FeedForward(width), FeedForward(width)
        self.norm, self.out = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.convolution = Convolution(width, kernel)

    def forward(self, x: Tensor, padding: Tensor) -> Tensor:
        """The sequence, one block further."""
        x = x + 0.5 * self.first(x)
        y = self.norm(x)
        x = x + self.attention(y, y, y, key_padding_mask=padding, need_weights=False)[0]
        x = x + self.convolution(x, padding)
        x = x + 0.5 * self.last(x)
        z: Tensor = self.out(x)
        return z


class Conformer(nn.Module):
    """Features of a sequence, (batch, length, channels), and the lengths of its samples."""

    def __init__(self, channels: int, width: int, *, heads: int, layers: int, kernel: int) -> None:
        super().__init__()
        self.project = nn.Linear(channels, width)
        self.blocks = nn.ModuleList(Block(width, heads, kernel) for _ in range(layers))

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """What is made of the features, and the lengths as they were."""
        longest = int(lengths.max())
        x = self.project(features[:, :longest])
        padding = torch.arange(longest, device=x.device) >= lengths[:, None]
        for block in self.blocks:
            x = block(x, padding)
        return x, lengths
