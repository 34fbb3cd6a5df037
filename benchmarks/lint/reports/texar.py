"""Convolutions of several kernels over a text, whose results a layer merges."""

import torch
import torch.nn.functional as F
from torch import nn


def branches():
    return [
        nn.Conv1d(10, 6, 3, padding=1),  # fault: unregistered-parameter
        nn.Conv1d(10, 6, 5, padding=2),  # fault: unregistered-parameter
    ]


class FaultyMerge(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.layers = layers

    def forward(self, x):
        return torch.cat([layer(x) for layer in self.layers], 1)


class FixedMerge(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x):
        return torch.cat([layer(x) for layer in self.layers], 1)


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(40, 10)
        self.merge = FaultyMerge(branches())
        self.head = nn.Linear(12, 3)

    def forward(self, tokens):
        x = self.embedding(tokens).transpose(1, 2)
        return self.head(F.relu(self.merge(x)).amax(2))


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(40, 10)
        self.merge = FixedMerge(branches())
        self.head = nn.Linear(12, 3)

    def forward(self, tokens):
        x = self.embedding(tokens).transpose(1, 2)
        return self.head(F.relu(self.merge(x)).amax(2))
