"""A few tokens out of a map whose channels come last, each a weighted sum over its places."""

import torch
from torch import nn


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.maps = nn.Conv2d(7, 4, 3, padding=1)
        self.head = nn.Linear(7, 5)

    def forward(self, x):
        b, height, width, channels = x.shape
        chosen = self.maps(x.view(b, channels, height, width))  # fault: axis-reinterpretation
        chosen = torch.sigmoid(chosen).flatten(2)
        tokens = chosen @ x.flatten(1, 2) / (height * width)
        return self.head(tokens)


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.maps = nn.Conv2d(7, 4, 3, padding=1)
        self.head = nn.Linear(7, 5)

    def forward(self, x):
        _, height, width, _ = x.shape
        chosen = self.maps(x.permute(0, 3, 1, 2))
        chosen = torch.sigmoid(chosen).flatten(2)
        tokens = chosen @ x.flatten(1, 2) / (height * width)
        return self.head(tokens)
