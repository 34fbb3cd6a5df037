"""A synthesizer's decoder: pitch and loudness go through a network each, then a GRU."""

import torch
from torch import nn


def perceptron(before, width, depth):
    layers = []
    for n in range(depth):
        layers += [nn.Linear(width if n else before, width), nn.LayerNorm(width), nn.LeakyReLU()]
    return nn.Sequential(*layers)  # fault: accidental-sharing


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.before = nn.ModuleList([perceptron(1, 8, 2)] * 2)  # or: accidental-sharing
        self.gru = nn.GRU(16, 8, batch_first=True)
        self.after = perceptron(10, 8, 2)
        self.out = nn.Linear(8, 5)

    def forward(self, pitch, loudness):
        hidden = torch.cat([self.before[0](pitch), self.before[1](loudness)], -1)
        hidden = torch.cat([self.gru(hidden)[0], pitch, loudness], -1)
        return self.out(self.after(hidden))


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.before = nn.ModuleList([perceptron(1, 8, 2), perceptron(1, 8, 2)])
        self.gru = nn.GRU(16, 8, batch_first=True)
        self.after = perceptron(10, 8, 2)
        self.out = nn.Linear(8, 5)

    def forward(self, pitch, loudness):
        hidden = torch.cat([self.before[0](pitch), self.before[1](loudness)], -1)
        hidden = torch.cat([self.gru(hidden)[0], pitch, loudness], -1)
        return self.out(self.after(hidden))
