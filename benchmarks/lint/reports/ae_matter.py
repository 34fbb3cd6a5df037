"""Attention along the rows of a map, between two convolutions, for an image's matte."""

import torch
import torch.nn.functional as F
from torch import nn


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(4, 8, 3, stride=2, padding=1)
        self.norm = nn.LayerNorm(8)
        self.attention = nn.MultiheadAttention(8, 2)  # fault: batch-mixing
        self.matte = nn.Conv2d(8, 1, 3, padding=1)

    def forward(self, x):
        x = F.relu(self.stem(x))
        b, _, height, _ = x.shape
        rows = x.permute(0, 2, 3, 1).flatten(0, 1)
        normed = self.norm(rows)
        rows = rows + self.attention(normed, normed, normed, need_weights=False)[0]
        x = rows.unflatten(0, (b, height)).permute(0, 3, 1, 2)
        return torch.sigmoid(F.interpolate(self.matte(x), scale_factor=2))


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(4, 8, 3, stride=2, padding=1)
        self.norm = nn.LayerNorm(8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.matte = nn.Conv2d(8, 1, 3, padding=1)

    def forward(self, x):
        x = F.relu(self.stem(x))
        b, _, height, _ = x.shape
        rows = x.permute(0, 2, 3, 1).flatten(0, 1)
        normed = self.norm(rows)
        rows = rows + self.attention(normed, normed, normed, need_weights=False)[0]
        x = rows.unflatten(0, (b, height)).permute(0, 3, 1, 2)
        return torch.sigmoid(F.interpolate(self.matte(x), scale_factor=2))
