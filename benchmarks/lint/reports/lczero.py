"""A chess network's tower with a head for the value of a board of 8×8."""

import torch.nn.functional as F
from torch import nn


class Tower(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(12, 16, 3, padding=1)
        self.conv1 = nn.Conv2d(16, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)

    def forward(self, x):
        x = F.relu(self.conv(x))
        return F.relu(x + self.conv2(F.relu(self.conv1(x))))


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.tower = Tower()
        self.conv = nn.Conv2d(16, 2, 1)
        self.fc1 = nn.Linear(2 * 64, 16)
        self.fc_out = nn.Linear(16, 3)  # fault: linear-chain

    def forward(self, x):
        x = F.relu(self.conv(self.tower(x)))
        return self.fc_out(self.fc1(x.flatten(1)))


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.tower = Tower()
        self.conv = nn.Conv2d(16, 2, 1)
        self.fc1 = nn.Linear(2 * 64, 16)
        self.fc_out = nn.Linear(16, 3)

    def forward(self, x):
        x = F.relu(self.conv(self.tower(x)))
        return self.fc_out(F.relu(self.fc1(x.flatten(1))))
