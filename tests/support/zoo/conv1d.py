"""A small temporal convolutional network: causal 1-D convolutions with doubling dilations."""

from __future__ import annotations

import torch
from torch import nn


class Block(nn.Module):
    """Two convolutions padded on both sides; what looks ahead is cut off at the end."""

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.surplus = (kernel - 1) * dilation
        self.conv1 = nn.Conv1d(inputs, outputs, kernel, padding=self.surplus, dilation=dilation)
        self.conv2 = nn.Conv1d(outputs, outputs, kernel, padding=self.surplus, dilation=dilation)
        self.skip: nn.Module = nn.Identity()
        if inputs != outputs:
            self.skip = nn.Conv1d(inputs, outputs, kernel_size=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.conv1(x)[:, :, : -self.surplus])
        y = torch.relu(self.conv2(y)[:, :, : -self.surplus])
        return torch.relu(y + self.skip(x))


class TCN(nn.Module):
    """Takes (N, 1, T), gives (N, classes, T)."""

    def __init__(self, num_classes: int = 5, width: int = 16, kernel: int = 3) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            Block(1, width, kernel, dilation=1),
            Block(width, width, kernel, dilation=2),
            Block(width, width, kernel, dilation=4),
            Block(width, width, kernel, dilation=8),
        )
        self.head = nn.Conv1d(width, num_classes, kernel_size=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.blocks(x)
        x = self.head(x)
        return x


def tcn(num_classes: int = 5) -> TCN:
    return TCN(num_classes)
