"""Attention along rows and columns: axial (Ho et al. 2019), criss-cross (Huang et al. 2019), and
windows of full height or width side by side (CSWin, Dong et al. 2022)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.support.zoo.parts import Unit


class Axial(nn.Module):
    """Self-attention along one axis of (N, C, H, W), each row or column a sequence of its own."""

    def __init__(self, channels: int, heads: int, axis: int) -> None:
        super().__init__()
        self.axis = axis
        self.attention = nn.MultiheadAttention(channels, heads, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        order = (0, 2, 3, 1) if self.axis == 3 else (0, 3, 2, 1)
        y: Tensor = x.permute(order)
        sequences = y.reshape(-1, y.shape[2], y.shape[3])
        sequences = self.attention(sequences, sequences, sequences)[0]
        y = sequences.view(y.shape)
        y = y.permute((0, 3, 1, 2) if self.axis == 3 else (0, 3, 2, 1))
        return y


class AxialNet(nn.Module):
    """A strided stem, then attention along one axis, or along both."""

    def __init__(self, axes: tuple[int, ...] = (2, 3), channels: int = 4) -> None:
        super().__init__()
        self.stem = Unit(3, channels, 3, 2)
        self.blocks = nn.ModuleList(Axial(channels, 2, axis) for axis in axes)
        self.last = nn.Conv2d(channels, 2, kernel_size=3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for block in self.blocks:
            x = x + block(x)
        x = self.last(x)
        return x


class CrissCross(nn.Module):
    """Every position attends to its own row and its own column, in one softmax."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = nn.Conv2d(channels, 2, kernel_size=1)
        self.key = nn.Conv2d(channels, 2, kernel_size=1)
        self.value = nn.Conv2d(channels, channels, kernel_size=1)
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.query(x), self.key(x), self.value(x)
        height = x.shape[2]
        along_columns = torch.einsum("nchw,ncgw->nhwg", query, key)
        along_rows = torch.einsum("nchw,nchv->nhwv", query, key)
        weights = torch.cat([along_columns, along_rows], dim=3).softmax(dim=3)
        y = torch.einsum("nhwg,ncgw->nchw", weights[..., :height], value)
        y = y + torch.einsum("nhwv,nchv->nchw", weights[..., height:], value)
        return self.gamma * y + x


class CCNet(nn.Module):
    """The attention twice, so that everything is reached."""

    def __init__(self, times: int = 2, channels: int = 4) -> None:
        super().__init__()
        self.stem = Unit(3, channels, 3, 2)
        self.attention = CrissCross(channels)
        self.times = times
        self.last = nn.Conv2d(channels, 2, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for _ in range(self.times):
            x = self.attention(x)
        x = self.last(x)
        return x


class Stripes(nn.Module):
    """Half of the channels attend in horizontal stripes, half in vertical ones."""

    def __init__(self, channels: int = 4, side: int = 2) -> None:
        super().__init__()
        self.side = side
        self.stem = nn.Conv2d(3, channels, kernel_size=3, padding=1)
        self.qkv = nn.Conv2d(channels, 3 * channels, kernel_size=1)

    def attend(self, x: Tensor) -> Tensor:
        """(3N, C, H, W) in stripes of ``side`` rows."""
        batch, channels, height, width = x.shape
        x = x.reshape(batch, channels, height // self.side, self.side * width).permute(0, 2, 3, 1)
        query, key, value = x.chunk(3, dim=0)
        y = F.scaled_dot_product_attention(query, key, value)
        return y.permute(0, 3, 1, 2).reshape(-1, channels, height, width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        qkv = torch.cat(self.qkv(x).split(x.shape[1], dim=1), dim=0)
        rows, columns = qkv.chunk(2, dim=1)
        y = torch.cat(
            [self.attend(rows), self.attend(columns.transpose(2, 3)).transpose(2, 3)], dim=1
        )
        return x + y


def axial() -> AxialNet:
    return AxialNet()


def axial_rows() -> AxialNet:
    """Along rows only: local in height, global in width."""
    return AxialNet(axes=(3,))


def criss_cross() -> CCNet:
    return CCNet()


def criss_cross_once() -> CCNet:
    return CCNet(times=1)


def stripes() -> Stripes:
    return Stripes()
