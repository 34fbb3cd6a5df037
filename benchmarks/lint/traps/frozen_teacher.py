"""A student beside a teacher whose weights are frozen and run without a gradient."""

import torch
from torch import nn


def encoder():
    return nn.Sequential(nn.Linear(9, 12), nn.ReLU(), nn.Linear(12, 6))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.student = encoder()
        self.teacher = encoder().requires_grad_(False)
        self.predictor = nn.Sequential(nn.ReLU(), nn.Linear(6, 6))

    def forward(self, x):
        with torch.no_grad():
            wanted = self.teacher(x)
        return self.predictor(self.student(x)), wanted
