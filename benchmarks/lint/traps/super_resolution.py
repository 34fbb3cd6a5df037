"""Residual blocks without norms, and a convolution and a pixel shuffle behind, as in EDSR."""

import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x):
        return x + 0.1 * self.conv2(F.relu(self.conv1(x)))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Conv2d(3, 8, 3, padding=1)
        self.body = nn.Sequential(Block(8), Block(8), nn.Conv2d(8, 8, 3, padding=1))
        self.up = nn.Sequential(nn.Conv2d(8, 32, 3, padding=1), nn.PixelShuffle(2))
        self.tail = nn.Conv2d(8, 3, 3, padding=1)

    def forward(self, x):
        x = self.head(x)
        return self.tail(self.up(x + self.body(x)))
