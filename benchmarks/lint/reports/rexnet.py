"""A classifier whose logits are the channels of a map of 1×1."""

from torch import nn


def features():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.SiLU(),
        nn.Conv2d(8, 10, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(10),
        nn.SiLU(),
        nn.Conv2d(10, 10, 3, padding=1, bias=False),
        nn.BatchNorm2d(10),
        nn.SiLU(),
        nn.AdaptiveAvgPool2d(1),
    )


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = features()
        self.output = nn.Sequential(nn.Dropout(0.2), nn.Conv2d(10, 9, 1))

    def forward(self, x):
        x = self.features(x)
        return self.output(x).squeeze()  # fault: batch-size-changes-rank


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = features()
        self.output = nn.Sequential(nn.Dropout(0.2), nn.Conv2d(10, 9, 1))

    def forward(self, x):
        x = self.features(x)
        return self.output(x).flatten(1)
