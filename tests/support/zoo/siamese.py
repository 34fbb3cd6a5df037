"""Two inputs: a tower shared by both, compared position by position (an early change detector)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.support.zoo.parts import Unit


class Siamese(nn.Module):
    """Before and after; the second one also passes a context branch of its own."""

    def __init__(self, width: int = 4, num_classes: int = 2) -> None:
        super().__init__()
        self.tower = nn.Sequential(Unit(3, width, 3, 2), Unit(width, width, 3))
        self.context = Unit(width, width, 3, dilation=2)
        self.head = nn.Conv2d(3 * width, num_classes, kernel_size=1)

    def forward(self, before: Tensor, after: Tensor) -> Tensor:
        first, second = self.tower(before), self.tower(after)
        x = torch.cat([torch.abs(first - second), first, self.context(second)], dim=1)
        return F.interpolate(self.head(x), size=after.shape[2:], mode="nearest")


def siamese() -> Siamese:
    return Siamese()
