"""A softmax over two branches weighs them channel by channel, as in SKNet."""

import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.small = nn.Conv2d(8, 8, 3, padding=1, bias=False)
        self.small_norm = nn.BatchNorm2d(8)
        self.large = nn.Conv2d(8, 8, 3, padding=2, dilation=2, bias=False)
        self.large_norm = nn.BatchNorm2d(8)
        self.squeeze = nn.Linear(8, 4)
        self.weigh = nn.Linear(4, 16)
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        x = F.relu(self.stem(x))
        small = F.relu(self.small_norm(self.small(x)))
        large = F.relu(self.large_norm(self.large(x)))
        branches = torch.stack([small, large], 1)
        weights = self.weigh(F.relu(self.squeeze(branches.sum(1).mean((2, 3)))))
        weights = torch.softmax(weights.unflatten(1, (2, 8)), dim=1)
        x = (branches * weights[..., None, None]).sum(1)
        return self.fc(x.mean((2, 3)))
