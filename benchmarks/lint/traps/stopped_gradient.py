"""Two views predict each other, the gradient stopped on one side, as in SimSiam."""

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(9, 16, bias=False), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 8)
        )
        self.predictor = nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 8))

    def forward(self, views):
        first, second = self.encoder(views.flatten(0, 1)).unflatten(0, (-1, 2)).unbind(1)
        there = torch.cosine_similarity(self.predictor(first), second.detach(), dim=-1)
        back = torch.cosine_similarity(self.predictor(second), first.detach(), dim=-1)
        return -(there + back) / 2
