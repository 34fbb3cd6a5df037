"""Heads by a view and a transposition, with a mask and sinusoids, and back again."""

import torch
import torch.nn.functional as F
from torch import nn


def sinusoids(length, width):
    place = torch.arange(length).unsqueeze(1)
    rate = torch.exp(torch.arange(0, width, 2) * (-9.2 / width))
    return torch.stack([torch.sin(place * rate), torch.cos(place * rate)], 2).flatten(1)


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(self, x):
        b, length, width = x.shape
        shape = (b, length, self.heads, width // self.heads)
        queries = self.query(x).view(shape).transpose(1, 2)
        keys = self.key(x).view(shape).transpose(1, 2)
        values = self.value(x).view(shape).transpose(1, 2)
        weights = queries @ keys.transpose(2, 3) / shape[3] ** 0.5
        future = torch.ones(length, length, dtype=torch.bool).triu(1)
        weights = torch.softmax(weights.masked_fill(future, float("-inf")), dim=-1)
        found = (weights @ values).transpose(1, 2).contiguous()
        return self.out(found.view(b, length, width))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(30, 12)
        self.register_buffer("places", sinusoids(9, 12))
        self.norm1 = nn.LayerNorm(12)
        self.attention = Attention(12, 3)
        self.norm2 = nn.LayerNorm(12)
        self.inner = nn.Linear(12, 24)
        self.outer = nn.Linear(24, 12)
        self.norm = nn.LayerNorm(12)
        self.head = nn.Linear(12, 30)

    def forward(self, tokens):
        x = self.embedding(tokens) + self.places
        x = x + self.attention(self.norm1(x))
        x = x + self.outer(F.gelu(self.inner(self.norm2(x))))
        return self.head(self.norm(x))
