"""Steps over a table's features: a linear layer is shared by all steps, as it is meant."""

import torch
import torch.nn.functional as F
from torch import nn


class FaultyStep(nn.Module):
    def __init__(self, linear, norm):
        super().__init__()
        self.linear = linear
        self.norm = norm
        self.own = nn.Linear(8, 16, bias=False)
        self.own_norm = nn.BatchNorm1d(16)

    def forward(self, x):
        x = F.glu(self.norm(self.linear(x)))
        return (x + F.glu(self.own_norm(self.own(x)))) * 0.5**0.5


class FixedStep(nn.Module):
    def __init__(self, linear):
        super().__init__()
        self.linear = linear
        self.norm = nn.BatchNorm1d(16)
        self.own = nn.Linear(8, 16, bias=False)
        self.own_norm = nn.BatchNorm1d(16)

    def forward(self, x):
        x = F.glu(self.norm(self.linear(x)))
        return (x + F.glu(self.own_norm(self.own(x)))) * 0.5**0.5


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        shared = nn.Linear(9, 16, bias=False)
        norm = nn.BatchNorm1d(16)  # fault: reused-batchnorm
        self.steps = nn.ModuleList(FaultyStep(shared, norm) for _ in range(3))
        self.masks = nn.ModuleList(nn.Linear(8, 9) for _ in range(3))
        self.final = nn.Linear(8, 4)

    def forward(self, x):
        total = torch.zeros_like(x[:, :8])
        masked = x
        for step, mask in zip(self.steps, self.masks, strict=True):
            found = step(masked)
            total = total + F.relu(found)
            masked = x * torch.sigmoid(mask(found))
        return self.final(total + masked[:, :8])


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        shared = nn.Linear(9, 16, bias=False)
        self.steps = nn.ModuleList(FixedStep(shared) for _ in range(3))
        self.masks = nn.ModuleList(nn.Linear(8, 9) for _ in range(3))
        self.final = nn.Linear(8, 4)

    def forward(self, x):
        total = torch.zeros_like(x[:, :8])
        masked = x
        for step, mask in zip(self.steps, self.masks, strict=True):
            found = step(masked)
            total = total + F.relu(found)
            masked = x * torch.sigmoid(mask(found))
        return self.final(total + masked[:, :8])
