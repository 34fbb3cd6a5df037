"""Heads of a detector: one convolution for all levels of a pyramid, a norm for each level."""

import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.down = nn.ModuleList(nn.Conv2d(8, 8, 3, stride=2, padding=1) for _ in range(2))
        self.conv = nn.Conv2d(8, 8, 3, padding=1, bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm2d(8) for _ in range(3))
        self.scores = nn.Conv2d(8, 5, 3, padding=1)

    def forward(self, x):
        levels = [F.relu(self.stem(x))]
        for down in self.down:
            levels.append(F.relu(down(levels[-1])))
        found = []
        for level, norm in zip(levels, self.norms, strict=True):
            scores = self.scores(F.silu(norm(self.conv(level))))
            found.append(scores.flatten(2))
        return torch.cat(found, 2)
