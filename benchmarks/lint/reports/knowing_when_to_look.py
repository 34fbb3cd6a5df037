"""An encoder of images for captions: the features of each place of a map, and their mean."""

import torch.nn.functional as F
from torch import nn


def backbone():
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(6, 11, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(11, 11, 3, padding=1),
        nn.ReLU(),
    )


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = backbone()
        self.places = nn.Linear(11, 9)
        self.whole = nn.Linear(11, 9)

    def forward(self, x):
        x = self.backbone(x)
        b, channels, height, width = x.shape
        x = x.view(b, height * width, channels)  # fault: axis-reinterpretation
        return F.relu(self.places(x)), F.relu(self.whole(x.mean(1)))


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = backbone()
        self.places = nn.Linear(11, 9)
        self.whole = nn.Linear(11, 9)

    def forward(self, x):
        x = self.backbone(x).flatten(2).transpose(1, 2)
        return F.relu(self.places(x)), F.relu(self.whole(x.mean(1)))
