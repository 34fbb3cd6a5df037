"""Swin transformer (Liu et al. 2021): attention in windows, shifted in every second block.

Maps are channels last. What a roll brings together from opposite borders is kept apart by a mask
of -100; sides that are no multiple of the window, or odd in front of a merging, are padded.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def to_windows(x: Tensor, side: int) -> Tensor:
    """(N, H, W, C) to (N * windows, side * side, C)."""
    batch, height, width, channels = x.shape
    x = x.view(batch, height // side, side, width // side, side, channels)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, side * side, channels)


def from_windows(x: Tensor, side: int, height: int, width: int) -> Tensor:
    """The way back."""
    x = x.view(-1, height // side, width // side, side, side, x.shape[-1])
    return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, height, width, x.shape[-1])


class WindowAttention(nn.Module):
    """Self-attention inside windows, with a learnt bias for every relative position."""

    index: Tensor

    def __init__(self, channels: int, heads: int, side: int, shift: int) -> None:
        super().__init__()
        self.heads, self.side, self.shift = heads, side, shift
        self.table = nn.Parameter(torch.zeros((2 * side - 1) ** 2, heads))
        places = torch.cartesian_prod(torch.arange(side), torch.arange(side))
        apart = places[:, None] - places[None, :] + side - 1
        self.register_buffer("index", (apart[..., 0] * (2 * side - 1) + apart[..., 1]).flatten())
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)

    def mask(self, x: Tensor, shifts: tuple[int, int]) -> Tensor:
        """(windows, tokens, tokens): -100 between tokens that were not neighbours."""
        region = x.new_zeros(1, *x.shape[1:3], 1)
        cuts = [
            (slice(0, -self.side), slice(-self.side, -by), slice(-by, None)) if by else (slice(0),)
            for by in shifts
        ]
        number = 0
        for rows in cuts[0]:
            for columns in cuts[1]:
                region[:, rows, columns] = number
                number += 1
        tokens = to_windows(region, self.side).squeeze(-1)
        apart = tokens.unsqueeze(1) - tokens.unsqueeze(2)
        return apart.masked_fill(apart != 0, -100.0)

    def forward(self, x: Tensor) -> Tensor:
        _, height, width, channels = x.shape
        side, heads = self.side, self.heads
        x = F.pad(x, (0, 0, 0, -width % side, 0, -height % side))
        rows, columns = x.shape[1], x.shape[2]
        # Where one window holds everything there is nothing to shift.
        shifts = (self.shift if rows > side else 0, self.shift if columns > side else 0)
        if any(shifts):
            x = torch.roll(x, (-shifts[0], -shifts[1]), dims=(1, 2))
        tokens = to_windows(x, side)
        qkv = self.qkv(tokens).reshape(-1, side * side, 3, heads, channels // heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        scores = (query * (channels // heads) ** -0.5) @ key.transpose(-2, -1)
        bias = self.table[self.index].view(side * side, side * side, heads)
        scores = scores + bias.permute(2, 0, 1).unsqueeze(0)
        if any(shifts):
            mask = self.mask(x, shifts)
            scores = scores.view(-1, mask.shape[0], heads, side * side, side * side)
            scores = scores + mask.unsqueeze(1).unsqueeze(0)
            scores = scores.view(-1, heads, side * side, side * side)
        tokens = (scores.softmax(dim=-1) @ value).transpose(1, 2).reshape(tokens.shape)
        x = from_windows(self.proj(tokens), side, rows, columns)
        if any(shifts):
            x = torch.roll(x, shifts, dims=(1, 2))
        return x[:, :height, :width, :].contiguous()


class Block(nn.Module):
    def __init__(self, channels: int, heads: int, side: int, shift: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels)
        self.attention = WindowAttention(channels, heads, side, shift)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = nn.Sequential(
            nn.Linear(channels, 4 * channels), nn.GELU(), nn.Linear(4 * channels, channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        x = x + self.mlp(self.norm2(x))
        return x


class Merging(nn.Module):
    """Two by two positions as one of four times the channels, of which half are kept."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * channels)
        self.reduce = nn.Linear(4 * channels, 2 * channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, (0, 0, 0, x.shape[2] % 2, 0, x.shape[1] % 2))
        corners = [x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]]
        y: Tensor = self.reduce(self.norm(torch.cat(corners, dim=-1)))
        return y


class ChannelsFirst(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.permute(0, 3, 1, 2)


class Swin(nn.Module):
    """Shape (N, 3, H, W) to (N, classes); ``first`` gives the last map, channels first."""

    def __init__(
        self,
        depths: tuple[int, ...],
        heads: tuple[int, ...],
        channels: int,
        window: int,
        patch: int = 4,
        shifted: bool = True,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, channels, kernel_size=patch, stride=patch)
        self.norm0 = nn.LayerNorm(channels)
        stages: list[nn.Module] = []
        for number, depth in enumerate(depths):
            if number:
                stages.append(Merging(channels))
                channels *= 2
            for index in range(depth):
                shift = window // 2 if shifted and index % 2 else 0
                stages.append(Block(channels, heads[number], window, shift))
        self.stages = nn.Sequential(*stages)
        self.norm = nn.LayerNorm(channels)
        self.first = ChannelsFirst()
        self.head = nn.Linear(channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm0(self.embed(x).permute(0, 2, 3, 1))
        x = self.first(self.norm(self.stages(x)))
        x = self.head(x.mean((2, 3)))
        return x


def swin_t(num_classes: int = 1000) -> Swin:
    return Swin((2, 2, 6, 2), (3, 6, 12, 24), channels=96, window=7, num_classes=num_classes)


def small_swin() -> Swin:
    return Swin((2, 2), (2, 2), channels=4, window=4, patch=2, num_classes=5)


def small_swin_unshifted() -> Swin:
    """Windows that stay where they are, hence no mask."""
    return Swin((2, 1), (2, 2), channels=4, window=4, patch=2, shifted=False, num_classes=5)
