"""A sentence's code from the last states of a recurrent encoder in both directions."""

import torch
from torch import nn


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(60, 8)
        self.encoder = nn.GRU(8, 7, bidirectional=True, batch_first=True)
        self.mean = nn.Linear(14, 3)
        self.spread = nn.Linear(14, 3)

    def forward(self, tokens):
        b = tokens.size(0)
        _, hidden = self.encoder(self.embedding(tokens))
        hidden = hidden.view(b, 14)  # fault: batch-mixing
        return self.mean(hidden), torch.exp(0.5 * self.spread(hidden))


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(60, 8)
        self.encoder = nn.GRU(8, 7, bidirectional=True, batch_first=True)
        self.mean = nn.Linear(14, 3)
        self.spread = nn.Linear(14, 3)

    def forward(self, tokens):
        b = tokens.size(0)
        _, hidden = self.encoder(self.embedding(tokens))
        hidden = hidden.transpose(0, 1).reshape(b, 14)
        return self.mean(hidden), torch.exp(0.5 * self.spread(hidden))
