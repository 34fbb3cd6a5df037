"""Small modules that the tests of several operations are built on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

Function = Callable[[Tensor], Any]
SHAPES = {1: (2, 12), 2: (2, 8, 6), 3: (2, 6, 4, 4)}
"""Inputs of ``Applied`` in one to three dimensions."""


class Applied(nn.Module):
    """A function or a module behind a convolution with positive reach."""

    def __init__(self, dims: int, function: Function, channels: int = 4) -> None:
        super().__init__()
        conv = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[dims - 1]
        self.stem = conv(2, channels, 3, padding=1)
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(self.stem(x))


class Fn(nn.Module):
    """A function of itself and the input as a network; its parts are found by name."""

    def __init__(self, function: Callable[[Any, Tensor], Any], **parts: Any) -> None:
        super().__init__()
        self.function = function
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: Tensor) -> Any:
        return self.function(self, x)


class Around(nn.Module):
    """A function between two convolutions."""

    def __init__(self, function: Callable[[Tensor], Tensor], inside: int = 4) -> None:
        super().__init__()
        self.before = nn.Conv2d(2, 4, 3, padding=1)
        self.after = nn.Conv2d(inside, 2, 3, padding=1)
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        after: Tensor = self.after(self.function(self.before(x)))
        return after


class Cross(nn.Module):
    """Branches of 1x5 and 5x1 side by side, twice, the second time after a stride."""

    def __init__(self, groups: int = 1) -> None:
        super().__init__()
        self.wide = nn.Conv2d(2, 2, (1, 5), padding=(0, 2))
        self.high = nn.Conv2d(2, 2, (5, 1), padding=(2, 0))
        self.mix = nn.Conv2d(4, 4, 1, stride=2, groups=groups)
        self.wide2 = nn.Conv2d(4, 2, (1, 3), dilation=2, padding=(0, 2))
        self.high2 = nn.Conv2d(4, 2, (3, 1), padding=(1, 0))

    def forward(self, x: Tensor) -> Tensor:
        x = self.mix(torch.cat([self.wide(x), self.high(x)], 1))
        return torch.cat([self.wide2(x), self.high2(x)], 1)


class MultiHead(nn.Module):
    """nn.MultiheadAttention with masks."""

    def __init__(self, *, batch_first: bool = True, **masks: Any) -> None:
        super().__init__()
        self.first, self.masks = batch_first, masks
        self.stem = nn.Conv1d(2, 4, 3, padding=1)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=batch_first)

    def forward(self, x: Tensor) -> Tensor:
        order = (0, 2, 1) if self.first else (2, 0, 1)
        x = self.stem(x).permute(order)
        y: Tensor = self.attention(x, x, x, **self.masks)[0]
        return y.transpose(1, 2) if self.first else y.permute(1, 2, 0)
