"""A digit adder for a contest of few parameters, most of whose weights are no parameters."""

import torch
from torch import nn

GATE = torch.tensor([[1.0, -1.0, 0.5], [0.5, 2.0, -1.5], [-0.5, 1.0, 1.0]])


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.table = torch.randn(10, 3)

    def forward(self, digits):
        x = self.table[digits] * self.scale
        x = torch.relu(x @ GATE)  # fault: unregistered-parameter
        return x.sum(1) @ self.table.T  # fault: unregistered-parameter


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.table = nn.Parameter(torch.randn(10, 3))
        self.gate = nn.Parameter(GATE.clone())

    def forward(self, digits):
        x = self.table[digits] * self.scale
        x = torch.relu(x @ self.gate)
        return x.sum(1) @ self.table.T
