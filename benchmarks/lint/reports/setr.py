"""A segmentation transformer whose decoder is a method of its own."""

import torch.nn.functional as F
from torch import nn


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 4, stride=4)
        self.norm = nn.LayerNorm(16)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)

    def forward(self, x):
        x = self.patches(x)
        tokens = x.flatten(2).transpose(1, 2)
        normed = self.norm(tokens)
        tokens = tokens + self.attention(normed, normed, normed, need_weights=False)[0]
        return tokens.transpose(1, 2).unflatten(2, x.shape[2:])


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.final = nn.Conv2d(8, 5, 1)

    def decode(self, x):
        x = nn.Conv2d(16, 8, 3, padding=1, bias=False)(x)  # fault: layer-built-in-forward
        x = nn.BatchNorm2d(8)(x)  # fault: layer-built-in-forward
        x = self.final(F.relu(x))
        return F.interpolate(x, scale_factor=4, mode="bilinear")

    def forward(self, x):
        return self.decode(self.encoder(x))


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.conv = nn.Conv2d(16, 8, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.final = nn.Conv2d(8, 5, 1)

    def decode(self, x):
        x = self.norm(self.conv(x))
        x = self.final(F.relu(x))
        return F.interpolate(x, scale_factor=4, mode="bilinear")

    def forward(self, x):
        return self.decode(self.encoder(x))
