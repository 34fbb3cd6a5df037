"""Features of four levels, brought to one size and multiplied, a convolution for each level."""

import torch
import torch.nn.functional as F
from torch import nn


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.steps = nn.ModuleList(
            nn.Conv2d(width, 6, 3, stride=2, padding=1) for width in (3, 6, 6, 6)
        )

    def forward(self, x):
        levels = []
        for step in self.steps:
            x = F.relu(step(x))
            levels.append(x)
        return levels


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Backbone()
        self.convs = nn.ModuleList(
            [nn.Conv2d(6, 6, 3, padding=1)] * 4  # fault: accidental-sharing
        )
        self.head = nn.Conv2d(6, 1, 1)

    def forward(self, x):
        levels = self.backbone(x)
        size = levels[1].shape[2:]
        product = torch.ones_like(levels[1])
        for level, conv in zip(levels, self.convs, strict=True):
            if level.shape[2] > size[0]:
                level = F.adaptive_avg_pool2d(level, size)
            elif level.shape[2] < size[0]:
                level = F.interpolate(level, size=size, mode="bilinear")
            product = product * conv(level)
        return self.head(product)


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Backbone()
        self.convs = nn.ModuleList([nn.Conv2d(6, 6, 3, padding=1) for _ in range(4)])
        self.head = nn.Conv2d(6, 1, 1)

    def forward(self, x):
        levels = self.backbone(x)
        size = levels[1].shape[2:]
        product = torch.ones_like(levels[1])
        for level, conv in zip(levels, self.convs, strict=True):
            if level.shape[2] > size[0]:
                level = F.adaptive_avg_pool2d(level, size)
            elif level.shape[2] < size[0]:
                level = F.interpolate(level, size=size, mode="bilinear")
            product = product * conv(level)
        return self.head(product)
