"""Several heads over a language model's last states, each for a token further ahead."""

import torch
import torch.nn.functional as F
from torch import nn


class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.linear = nn.Linear(width, width)

    def forward(self, x):
        return x + F.silu(self.linear(x))


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(50, 12)
        self.model = nn.GRU(12, 12, batch_first=True)
        self.heads = nn.ModuleList(
            [nn.Sequential(Residual(12), nn.Linear(12, 50))] * 3  # fault: accidental-sharing
        )

    def forward(self, tokens):
        states, _ = self.model(self.embedding(tokens))
        return torch.stack([head(states) for head in self.heads], 1)


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(50, 12)
        self.model = nn.GRU(12, 12, batch_first=True)
        self.heads = nn.ModuleList(
            [nn.Sequential(Residual(12), nn.Linear(12, 50)) for _ in range(3)]
        )

    def forward(self, tokens):
        states, _ = self.model(self.embedding(tokens))
        return torch.stack([head(states) for head in self.heads], 1)
