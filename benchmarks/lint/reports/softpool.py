"""Features of points that are sorted and pooled by four convolutions in a row."""

import torch
import torch.nn.functional as F
from torch import nn


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.points = nn.Conv1d(3, 8, 1)
        self.head = nn.Linear(8, 6)

    def forward(self, x):
        x = F.relu(self.points(x))
        x, _ = torch.sort(x, dim=2, descending=True)
        x = x.unsqueeze(2)
        x = F.relu(nn.Conv2d(8, 8, (1, 3), stride=(1, 2))(x))  # fault: layer-built-in-forward
        x = F.relu(nn.Conv2d(8, 8, (1, 3), stride=(1, 2))(x))  # fault: layer-built-in-forward
        x = F.relu(nn.Conv2d(8, 8, (1, 3), stride=(1, 2))(x))  # fault: layer-built-in-forward
        x = F.relu(nn.Conv2d(8, 8, (1, 3), stride=(1, 2))(x))  # fault: layer-built-in-forward
        return self.head(x.flatten(1))


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.points = nn.Conv1d(3, 8, 1)
        self.pools = nn.ModuleList(nn.Conv2d(8, 8, (1, 3), stride=(1, 2)) for _ in range(4))
        self.head = nn.Linear(8, 6)

    def forward(self, x):
        x = F.relu(self.points(x))
        x, _ = torch.sort(x, dim=2, descending=True)
        x = x.unsqueeze(2)
        for pool in self.pools:
            x = F.relu(pool(x))
        return self.head(x.flatten(1))
