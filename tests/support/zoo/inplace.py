"""Operations in place, on tensors that have several names."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class InPlace(nn.Module):
    """What is written to one name is read under another."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(width, width, kernel_size=3, padding=1)
        self.conv3 = nn.Conv2d(width, width, kernel_size=3, padding=2, dilation=2)
        self.last = nn.Conv2d(2 * width, 2, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu_(self.conv1(x))
        same = x
        same += self.conv2(x.clone())  # x has it too
        y = self.conv3(x)
        y.mul_(0.5).add_(x, alpha=2)
        kept = y.clone()
        y[:, :2] = x[:, 2:].flip(3)
        kept[:, :, 1:-1, 1:-1] += x[:, :, 2:, 2:]
        return self.last(torch.cat([y, kept.clamp_(min=0)], dim=1))  # type: ignore[no-any-return]


class ThroughViews(nn.Module):
    """A part, or another shape, is written, and the whole is read."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(2, 2, kernel_size=3, padding=1)
        self.last = nn.Conv2d(width, 2, kernel_size=3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        flat = x.view(x.shape[0], x.shape[1], -1)
        flat.clamp_(min=0)
        half = x[:, :2]
        half.copy_(self.conv2(x[:, 2:].clone()))
        x = self.last(x)
        return x


def in_place() -> InPlace:
    return InPlace()


def through_views() -> ThroughViews:
    return ThroughViews()
