"""A decoder of spectrograms that also says at each step whether the speech is over."""

import torch
from torch import nn


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRUCell(6, 10)
        self.frame = nn.Linear(10, 6)
        self.gate = nn.Linear(10, 1)

    def forward(self, frames):
        hidden = torch.zeros(frames.shape[0], 10)
        found, gates = [], []
        for step in range(frames.shape[1]):
            hidden = self.rnn(frames[:, step], hidden)
            found.append(self.frame(hidden))
            gates.append(self.gate(hidden).squeeze())  # fault: batch-size-changes-rank
        return torch.stack(found, 1), torch.stack(gates, -1)


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRUCell(6, 10)
        self.frame = nn.Linear(10, 6)
        self.gate = nn.Linear(10, 1)

    def forward(self, frames):
        hidden = torch.zeros(frames.shape[0], 10)
        found, gates = [], []
        for step in range(frames.shape[1]):
            hidden = self.rnn(frames[:, step], hidden)
            found.append(self.frame(hidden))
            gates.append(self.gate(hidden).squeeze(1))
        return torch.stack(found, 1), torch.stack(gates, -1)
