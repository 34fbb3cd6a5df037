"""A cell of an LSTM, written out, over the steps of a series."""

import torch
from torch import nn


class Cell(nn.Module):
    def __init__(self, before, width):
        super().__init__()
        self.given = nn.Linear(before, 4 * width)
        self.kept = nn.Linear(width, 4 * width, bias=False)

    def forward(self, x, state):
        hidden, cell = state
        wanted, kept, out, found = (self.given(x) + self.kept(hidden)).chunk(4, 1)
        cell = torch.sigmoid(kept) * cell + torch.sigmoid(wanted) * torch.tanh(found)
        hidden = torch.sigmoid(out) * torch.tanh(cell)
        return hidden, cell


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = Cell(5, 8)
        self.head = nn.Linear(8, 3)

    def forward(self, series):
        state = series.new_zeros(series.shape[0], 8), series.new_zeros(series.shape[0], 8)
        for step in series.unbind(1):
            state = self.cell(step, state)
        return self.head(state[0])
