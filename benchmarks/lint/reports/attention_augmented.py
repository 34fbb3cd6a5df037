"""A convolution beside self-attention over all places, both joined along the channels."""

import torch
import torch.nn.functional as F
from torch import nn

HEADS, KEYS, VALUES = 2, 6, 10


class Places(nn.Module):
    """The queries, keys and values of each head, as (batch, heads, places, width)."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(8, 2 * KEYS + VALUES, 1)

    def forward(self, x):
        parts = self.conv(x).split([KEYS, KEYS, VALUES], 1)
        return [part.flatten(2).unflatten(1, (HEADS, -1)).transpose(2, 3) for part in parts]


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.places = Places()
        self.mixed = nn.Conv2d(VALUES, VALUES, 1)
        self.conv = nn.Conv2d(8, 6, 3, padding=1)
        self.head = nn.Linear(16, 10)

    def forward(self, x):
        x = F.relu(self.stem(x))
        b, _, height, width = x.shape
        queries, keys, values = self.places(x)
        weights = torch.softmax(queries @ keys.transpose(2, 3), dim=-1)
        found = weights @ values
        shape = (b, HEADS, VALUES // HEADS, height, width)
        found = found.reshape(shape)  # fault: axis-reinterpretation
        found = self.mixed(found.flatten(1, 2))
        found = torch.cat((self.conv(x), found), dim=1)
        return self.head(F.relu(found).mean((2, 3)))


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.places = Places()
        self.mixed = nn.Conv2d(VALUES, VALUES, 1)
        self.conv = nn.Conv2d(8, 6, 3, padding=1)
        self.head = nn.Linear(16, 10)

    def forward(self, x):
        x = F.relu(self.stem(x))
        b, _, height, width = x.shape
        queries, keys, values = self.places(x)
        weights = torch.softmax(queries @ keys.transpose(2, 3), dim=-1)
        found = weights @ values
        shape = (b, HEADS, VALUES // HEADS, height, width)
        found = found.permute(0, 1, 3, 2).reshape(shape)
        found = self.mixed(found.flatten(1, 2))
        found = torch.cat((self.conv(x), found), dim=1)
        return self.head(F.relu(found).mean((2, 3)))
