"""A transformer that runs one layer several times, as ALBERT does."""

import torch.nn.functional as F
from torch import nn


class Layer(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, 2, batch_first=True)
        self.norm2 = nn.LayerNorm(width)
        self.inner = nn.Linear(width, 2 * width)
        self.outer = nn.Linear(2 * width, width)

    def forward(self, x):
        normed = self.norm1(x)
        x = x + self.attention(normed, normed, normed, need_weights=False)[0]
        return x + self.outer(F.gelu(self.inner(self.norm2(x))))


class Net(nn.Module):
    def __init__(self, depth=3):
        super().__init__()
        self.depth = depth
        self.embedding = nn.Embedding(40, 10)
        self.layer = Layer(10)
        self.norm = nn.LayerNorm(10)
        self.out = nn.Linear(10, 7)

    def forward(self, tokens):
        x = self.embedding(tokens)
        for _ in range(self.depth):
            x = self.layer(x)
        return self.out(self.norm(x))
