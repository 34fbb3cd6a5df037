"""A pyramid of features: convolutions of one, sums and convolutions of three, all linear."""

import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, stride=2, padding=1)
        self.second = nn.Conv2d(6, 8, 3, stride=2, padding=1)
        self.third = nn.Conv2d(8, 10, 3, stride=2, padding=1)
        self.lateral = nn.ModuleList(nn.Conv2d(width, 7, 1) for width in (6, 8, 10))
        self.out = nn.ModuleList(nn.Conv2d(7, 7, 3, padding=1) for _ in range(3))

    def forward(self, x):
        levels = [F.relu(self.stem(x))]
        levels.append(F.relu(self.second(levels[-1])))
        levels.append(F.relu(self.third(levels[-1])))
        found = [lateral(level) for lateral, level in zip(self.lateral, levels, strict=True)]
        for n in (1, 0):
            found[n] = found[n] + F.interpolate(found[n + 1], size=found[n].shape[2:])
        return [out(each) for out, each in zip(self.out, found, strict=True)]
