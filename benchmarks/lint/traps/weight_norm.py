"""Weights that are made of others in each pass: weight normalization and a spectral one."""

from torch import nn
from torch.nn.utils import parametrizations


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = parametrizations.weight_norm(nn.Conv1d(4, 8, 3, padding=1))
        self.skip = parametrizations.spectral_norm(nn.Conv1d(8, 8, 3, padding=1))
        self.act = nn.LeakyReLU(0.1)
        self.out = nn.Conv1d(8, 2, 1)

    def forward(self, x):
        x = self.act(self.conv(x))
        return self.out(x + self.act(self.skip(x)))
