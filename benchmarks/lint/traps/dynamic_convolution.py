"""Kernels mixed for each sample out of a few, with weights that the sample itself gives."""

import torch
import torch.nn.functional as F
from torch import nn

KERNELS = 3


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.choose = nn.Linear(8, KERNELS)
        self.kernels = nn.Parameter(torch.randn(KERNELS, 10, 8, 3, 3))
        self.fc = nn.Linear(10, 5)

    def forward(self, x):
        x = F.relu(self.stem(x))
        shares = torch.softmax(self.choose(x.mean((2, 3))), dim=1)
        b, channels, height, width = x.shape
        weight = torch.einsum("bk,koihw->boihw", shares, self.kernels).flatten(0, 1)
        x = F.conv2d(x.view(1, b * channels, height, width), weight, padding=1, groups=b)
        return self.fc(F.relu(x.view(b, 10, height, width)).mean((2, 3)))
