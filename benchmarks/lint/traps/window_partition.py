"""Attention in windows of a map, cut out and put together by views, as in Swin."""

import torch
import torch.nn.functional as F
from torch import nn

SIDE = 3


def cut(x):
    b, height, width, channels = x.shape
    x = x.view(b, height // SIDE, SIDE, width // SIDE, SIDE, channels)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, SIDE * SIDE, channels)


def joined(windows, height, width):
    b = windows.shape[0] // (height // SIDE * (width // SIDE))
    x = windows.view(b, height // SIDE, width // SIDE, SIDE, SIDE, -1)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(b, height, width, -1)


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.bias = nn.Parameter(torch.zeros(heads, SIDE * SIDE, SIDE * SIDE))

    def forward(self, x):
        b, places, width = x.shape
        qkv = self.qkv(x).reshape(b, places, 3, self.heads, width // self.heads)
        queries, keys, values = qkv.permute(2, 0, 3, 1, 4)
        weights = queries @ keys.transpose(-2, -1) * (width // self.heads) ** -0.5
        weights = torch.softmax(weights + self.bias, dim=-1)
        return self.out((weights @ values).transpose(1, 2).reshape(b, places, width))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 10, 2, stride=2)
        self.norm1 = nn.LayerNorm(10)
        self.attention = Attention(10, 2)
        self.norm2 = nn.LayerNorm(10)
        self.inner = nn.Linear(10, 20)
        self.outer = nn.Linear(20, 10)
        self.norm = nn.LayerNorm(10)
        self.fc = nn.Linear(10, 5)

    def forward(self, x):
        x = self.patches(x).permute(0, 2, 3, 1)
        _, height, width, _ = x.shape
        moved = torch.roll(self.norm1(x), (-1, -1), (1, 2))
        moved = joined(self.attention(cut(moved)), height, width)
        x = x + torch.roll(moved, (1, 1), (1, 2))
        x = x + self.outer(F.gelu(self.inner(self.norm2(x))))
        return self.fc(self.norm(x)).permute(0, 3, 1, 2)
