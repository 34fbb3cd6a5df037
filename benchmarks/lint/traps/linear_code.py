"""An autoencoder whose code is narrow and linear on both sides, and an adapter of low rank."""

import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(16, 12)
        self.down = nn.Linear(12, 3, bias=False)
        self.up = nn.Linear(3, 12, bias=False)
        self.narrow = nn.Linear(12, 4)
        self.wide = nn.Linear(4, 12)
        self.outer = nn.Linear(12, 16)

    def forward(self, x):
        x = F.relu(self.inner(x))
        x = F.relu(x + self.up(self.down(x)))
        code = self.narrow(x)
        return self.outer(F.relu(self.wide(code)))
