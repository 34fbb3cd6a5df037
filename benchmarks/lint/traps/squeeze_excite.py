"""Channels weighed by what a pool over the whole map says of them, the weights in a sigmoid."""

import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(8)
        self.squeeze = nn.Conv2d(8, 4, 1)
        self.excite = nn.Conv2d(4, 8, 1)
        self.conv2 = nn.Conv2d(8, 10, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(10)
        self.fc = nn.Linear(10, 5)

    def forward(self, x):
        x = F.silu(self.norm1(self.conv1(x)))
        weights = F.relu(self.squeeze(x.mean((2, 3), keepdim=True)))
        x = x * torch.sigmoid(self.excite(weights))
        x = F.silu(self.norm2(self.conv2(x)))
        return self.fc(x.mean((2, 3)))
