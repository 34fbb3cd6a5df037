"""One tower for an anchor, a positive and a negative example, called on three lines."""

import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.tower = nn.Sequential(nn.Linear(9, 12), nn.ReLU(), nn.Linear(12, 4))

    def forward(self, anchor, positive, negative):
        first = F.normalize(self.tower(anchor), dim=1)
        second = F.normalize(self.tower(positive), dim=1)
        third = F.normalize(self.tower(negative), dim=1)
        return (first * second).sum(1), (first * third).sum(1)
