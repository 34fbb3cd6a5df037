"""Grouped convolutions whose channels are shuffled by views, as in ShuffleNet."""

import torch.nn.functional as F
from torch import nn


def shuffled(x, groups):
    b, channels, height, width = x.shape
    x = x.view(b, groups, channels // groups, height, width)
    return x.transpose(1, 2).reshape(b, channels, height, width)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 12, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(12)
        self.conv1 = nn.Conv2d(12, 12, 1, groups=3, bias=False)
        self.norm1 = nn.BatchNorm2d(12)
        self.depthwise = nn.Conv2d(12, 12, 3, padding=1, groups=12, bias=False)
        self.norm2 = nn.BatchNorm2d(12)
        self.conv2 = nn.Conv2d(12, 12, 1, groups=3, bias=False)
        self.norm3 = nn.BatchNorm2d(12)
        self.pool = nn.Conv2d(12, 12, 3, stride=2, padding=1)
        self.last = nn.Conv2d(12, 12, 3, padding=1)
        self.fc = nn.Linear(12, 10)

    def forward(self, x):
        x = F.relu(self.norm(self.stem(x)))
        out = shuffled(F.relu(self.norm1(self.conv1(x))), 3)
        out = self.norm2(self.depthwise(out))
        x = F.relu(x + self.norm3(self.conv2(out)))
        x = F.relu(self.last(F.relu(self.pool(x))))
        return self.fc(x.mean((2, 3)))
