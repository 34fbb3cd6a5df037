"""Segmentation of one image by convolutions in a list that nn.Module does not see."""

import torch.nn.functional as F
from torch import nn

DEPTH = 2


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(8)
        self.conv2 = []
        self.bn2 = []
        for _ in range(DEPTH):
            self.conv2.append(nn.Conv2d(8, 8, 3, padding=1))  # fault: unregistered-parameter
            self.bn2.append(nn.BatchNorm2d(8))  # fault: unregistered-parameter
        self.conv3 = nn.Conv2d(8, 8, 1)

    def forward(self, x):
        x = self.bn1(F.relu(self.conv1(x)))
        for conv, norm in zip(self.conv2, self.bn2, strict=True):
            x = norm(F.relu(conv(x)))
        return self.conv3(x)


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(8)
        self.conv2 = nn.ModuleList()
        self.bn2 = nn.ModuleList()
        for _ in range(DEPTH):
            self.conv2.append(nn.Conv2d(8, 8, 3, padding=1))
            self.bn2.append(nn.BatchNorm2d(8))
        self.conv3 = nn.Conv2d(8, 8, 1)

    def forward(self, x):
        x = self.bn1(F.relu(self.conv1(x)))
        for conv, norm in zip(self.conv2, self.bn2, strict=True):
            x = norm(F.relu(conv(x)))
        return self.conv3(x)
