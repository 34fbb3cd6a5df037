"""A variational autoencoder: noise is drawn in forward, around a mean and with a spread."""

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(12, 10), nn.ReLU())
        self.mean = nn.Linear(10, 3)
        self.spread = nn.Linear(10, 3)
        self.decoder = nn.Sequential(nn.Linear(3, 10), nn.ReLU(), nn.Linear(10, 12))

    def forward(self, x):
        hidden = self.encoder(x)
        mean, spread = self.mean(hidden), self.spread(hidden)
        code = mean + torch.exp(0.5 * spread) * torch.randn_like(spread)
        return torch.sigmoid(self.decoder(code)), mean, spread
