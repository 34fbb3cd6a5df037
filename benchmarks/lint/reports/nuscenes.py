"""Trajectories of a car from an image around it and from its own state."""

import torch
import torch.nn.functional as F
from torch import nn

MODES = 3


def backbone():
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(6, 8, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.ReLU(),
    )


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = backbone()
        self.fc1 = nn.Linear(8 + 3, 16)
        self.fc2 = nn.Linear(16, MODES * 12 + MODES)  # fault: linear-chain

    def forward(self, image, state):
        features = self.backbone(image).mean((2, 3))
        features = torch.cat([features, state], dim=1)
        return self.fc2(self.fc1(features))


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = backbone()
        self.fc1 = nn.Linear(8 + 3, 16)
        self.fc2 = nn.Linear(16, MODES * 12 + MODES)

    def forward(self, image, state):
        features = self.backbone(image).mean((2, 3))
        features = torch.cat([features, state], dim=1)
        return self.fc2(F.relu(self.fc1(features)))
