"""Fire modules, and a ReLU between the last convolution and the pool that gives the logits."""

import torch
import torch.nn.functional as F
from torch import nn


class Fire(nn.Module):
    def __init__(self, before, squeezed, width):
        super().__init__()
        self.squeeze = nn.Conv2d(before, squeezed, 1)
        self.expand1 = nn.Conv2d(squeezed, width, 1)
        self.expand3 = nn.Conv2d(squeezed, width, 3, padding=1)

    def forward(self, x):
        x = F.relu(self.squeeze(x))
        return torch.cat([F.relu(self.expand1(x)), F.relu(self.expand3(x))], 1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.fires = nn.Sequential(Fire(8, 4, 6), Fire(12, 4, 6), Fire(12, 4, 6))
        self.classifier = nn.Sequential(
            nn.Dropout(0.5), nn.Conv2d(12, 10, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1)
        )

    def forward(self, x):
        return self.classifier(self.fires(F.relu(self.stem(x)))).flatten(1)
