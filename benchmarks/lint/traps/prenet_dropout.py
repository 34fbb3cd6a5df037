"""A speech decoder's first layers, whose dropout stays on at test time on purpose."""

import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(6, 12), nn.Linear(12, 12)])
        self.rnn = nn.GRU(12, 10, batch_first=True)
        self.frames = nn.Linear(10, 6)

    def forward(self, frames):
        x = frames
        for layer in self.layers:
            x = F.relu(layer(x))
            x = F.dropout(x, training=True)  # archcheck: ignore[functional-dropout-always-on]
        return self.frames(self.rnn(x)[0])
