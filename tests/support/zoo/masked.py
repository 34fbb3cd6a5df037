"""Attention that constant masks keep local or causal, and maps read through constant indices."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Banded(nn.Module):
    """A sequence whose tokens see three neighbours on either side, four ways to say so."""

    def __init__(self, way: str, side: int = 24, width: int = 4) -> None:
        super().__init__()
        self.way = way
        self.stem = nn.Conv1d(1, width, kernel_size=3, padding=1)
        if way == "module":
            self.attention = nn.MultiheadAttention(width, 2, batch_first=True)
        self.last = nn.Conv1d(width, 2, kernel_size=3, padding=1)
        places = torch.arange(side)
        self.register_buffer("far", (places[:, None] - places[None, :]).abs() > 3)

    far: Tensor

    def attend(self, x: Tensor) -> Tensor:
        """Over (N, tokens, width)."""
        if self.way == "module":
            found: Tensor = self.attention(x, x, x, attn_mask=self.far, need_weights=False)[0]
            return found
        if self.way == "function":
            return F.scaled_dot_product_attention(x, x, x, attn_mask=~self.far)
        if self.way == "causal":
            return F.scaled_dot_product_attention(x, x, x, is_causal=True)
        scores = x @ x.transpose(1, 2)
        if self.way == "filled":
            scores = scores.masked_fill(self.far, float("-inf"))
        else:
            scores = scores + torch.where(self.far, -100.0, 0.0)
        return scores.softmax(dim=-1) @ x

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = x + self.attend(x.transpose(1, 2)).transpose(1, 2)
        x = self.last(x)
        return x


class Indexed(nn.Module):
    """Rows, columns and channels taken by index tensors that the network holds."""

    def __init__(self, side: int = 12, width: int = 4) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, kernel_size=3, padding=1)
        self.last = nn.Conv2d(width, 2, kernel_size=3, padding=1)
        self.register_buffer("channels", torch.arange(width).view(2, -1).t().reshape(-1))
        self.register_buffer("rows", torch.arange(0, side, 2))
        self.register_buffer("columns", torch.arange(side - 1, -1, -1))

    channels: Tensor
    rows: Tensor
    columns: Tensor

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)[:, self.channels]
        x = x[:, :, self.rows]
        x = torch.index_select(x, 3, self.columns)
        x = self.last(x)
        return x


def filled() -> Banded:
    return Banded("filled")


def added() -> Banded:
    return Banded("added")


def by_function() -> Banded:
    return Banded("function")


def by_module() -> Banded:
    return Banded("module")


def causal() -> Banded:
    return Banded("causal")


def indexed() -> Indexed:
    return Indexed()
