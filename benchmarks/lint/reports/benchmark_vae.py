"""The encoder of a variational autoencoder: strided convolutions, then residual blocks."""

import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    def __init__(self, width, inner):
        super().__init__()
        self.conv1 = nn.Conv2d(width, inner, 3, padding=1)
        self.conv2 = nn.Conv2d(inner, width, 1)

    def forward(self, x):
        return x + self.conv2(F.relu(self.conv1(F.relu(x))))


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = nn.Sequential(
            nn.Conv2d(3, 6, 4, stride=2, padding=1),
            nn.Conv2d(6, 8, 4, stride=2, padding=1),  # fault: linear-chain
            nn.Conv2d(8, 8, 3, padding=1),  # fault: linear-chain
        )
        self.block = Block(8, 4)
        self.mean = nn.Conv2d(8, 2, 4)
        self.spread = nn.Conv2d(8, 2, 4)

    def forward(self, x):
        x = F.relu(self.block(self.convs(x)))
        return self.mean(x).flatten(1), self.spread(x).flatten(1)


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = nn.Sequential(
            nn.Conv2d(3, 6, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(6, 8, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(8, 8, 3, padding=1),
        )
        self.block = Block(8, 4)
        self.mean = nn.Conv2d(8, 2, 4)
        self.spread = nn.Conv2d(8, 2, 4)

    def forward(self, x):
        x = F.relu(self.block(self.convs(x)))
        return self.mean(x).flatten(1), self.spread(x).flatten(1)
