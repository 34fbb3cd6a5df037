"""A course's second model for pictures of clothes, with as many ReLUs as linear layers."""

import torch.nn.functional as F
from torch import nn


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = nn.Linear(81, 16)
        self.layer2 = nn.Linear(16, 10)

    def forward(self, x):
        x = F.relu(self.layer1(x.flatten(1)))
        return F.relu(self.layer2(x))  # fault: relu-on-logits


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = nn.Linear(81, 16)
        self.layer2 = nn.Linear(16, 10)

    def forward(self, x):
        x = F.relu(self.layer1(x.flatten(1)))
        return self.layer2(x)
