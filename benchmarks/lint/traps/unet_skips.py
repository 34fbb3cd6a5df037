"""Skips of a U-Net whose convolutions are followed by in-place ReLUs."""

import torch
from torch import nn


def double(before, width):
    return nn.Sequential(
        nn.Conv2d(before, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
        nn.Conv2d(width, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
    )


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = double(3, 6)
        self.pool = nn.MaxPool2d(2)
        self.second = double(6, 8)
        self.up = nn.ConvTranspose2d(8, 6, 2, stride=2)
        self.third = double(12, 6)
        self.out = nn.Conv2d(6, 2, 1)

    def forward(self, x):
        first = self.first(x)
        second = self.second(self.pool(first))
        return self.out(self.third(torch.cat([first, self.up(second)], 1)))
