"""Layers that learn their width in the first pass."""

import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.LazyConv2d(8, 3, stride=2, padding=1)
        self.norm = nn.LazyBatchNorm2d()
        self.last = nn.LazyConv2d(10, 3, stride=2, padding=1)
        self.fc = nn.LazyLinear(5)

    def forward(self, x):
        x = F.relu(self.conv(x))
        x = F.relu(self.last(self.norm(x)))
        return self.fc(x.mean((2, 3)))
