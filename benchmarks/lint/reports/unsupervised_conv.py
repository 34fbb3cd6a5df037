"""Segmentation of one image by convolutions in a loop, a norm of its own behind each."""

import torch.nn.functional as F
from torch import nn

DEPTH = 3


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1)  # fault: accidental-sharing
        self.bn2 = nn.ModuleList(nn.BatchNorm2d(8) for _ in range(DEPTH))
        self.conv3 = nn.Conv2d(8, 8, 1)

    def forward(self, x):
        x = self.bn1(F.relu(self.conv1(x)))
        for i in range(DEPTH):
            x = self.bn2[i](F.relu(self.conv2(x)))
        return self.conv3(x)


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(8)
        self.conv2 = nn.ModuleList(nn.Conv2d(8, 8, 3, padding=1) for _ in range(DEPTH))
        self.bn2 = nn.ModuleList(nn.BatchNorm2d(8) for _ in range(DEPTH))
        self.conv3 = nn.Conv2d(8, 8, 1)

    def forward(self, x):
        x = self.bn1(F.relu(self.conv1(x)))
        for i in range(DEPTH):
            x = self.bn2[i](F.relu(self.conv2[i](x)))
        return self.conv3(x)
