"""Features of a person's picture, pooled over the whole map, with a classifier of identities."""

import torch
import torch.nn.functional as F
from torch import nn


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(6, 8, 3, stride=2, padding=1)
        self.conv3 = nn.Conv2d(8, 8, 3, padding=1)

    def forward(self, x):
        return F.relu(self.conv3(F.relu(self.conv2(F.relu(self.conv1(x))))))


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Backbone()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(8, 7)

    def forward(self, x):
        x = self.pool(self.backbone(x))
        x = torch.squeeze(x)  # fault: batch-size-changes-rank
        return self.classifier(x)


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Backbone()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(8, 7)

    def forward(self, x):
        x = self.pool(self.backbone(x))
        x = x.flatten(1)
        return self.classifier(x)
