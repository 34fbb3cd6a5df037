"""A classifier of digits over features that also fool a discriminator of domains."""

from torch import nn


def extractor():
    return nn.Sequential(
        nn.Conv2d(3, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = extractor()
        self.classifier = nn.Sequential(
            nn.Linear(8, 12),
            nn.ReLU(),
            nn.Linear(12, 10),
            nn.Softmax(dim=1),  # fault: activation-on-output
        )

    def forward(self, x):
        return self.classifier(self.features(x))


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = extractor()
        self.classifier = nn.Sequential(nn.Linear(8, 12), nn.ReLU(), nn.Linear(12, 10))

    def forward(self, x):
        return self.classifier(self.features(x))
