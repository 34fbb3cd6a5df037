"""An output from each level of a decoder, and binary losses that take logits."""

import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 6, 3, padding=1)
        self.second = nn.Conv2d(6, 8, 3, stride=2, padding=1)
        self.third = nn.Conv2d(8, 8, 3, stride=2, padding=1)
        self.up = nn.Conv2d(16, 8, 3, padding=1)
        self.last = nn.Conv2d(14, 6, 3, padding=1)
        self.side = nn.ModuleList(nn.Conv2d(width, 1, 1) for width in (8, 8, 6))

    def forward(self, x):
        first = F.relu(self.first(x))
        second = F.relu(self.second(first))
        third = F.relu(self.third(second))
        wide = F.interpolate(third, size=second.shape[2:])
        found = F.relu(self.up(torch.cat([second, wide], 1)))
        wide = F.interpolate(found, size=first.shape[2:])
        last = F.relu(self.last(torch.cat([first, wide], 1)))
        return [side(each) for side, each in zip(self.side, (third, found, last), strict=True)]
