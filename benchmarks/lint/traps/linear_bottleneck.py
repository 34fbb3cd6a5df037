"""Inverted residuals of MobileNetV2: the last convolution of each block has no activation."""

from torch import nn


class Block(nn.Module):
    def __init__(self, before, width, stride=1):
        super().__init__()
        inner = before * 3
        self.skips = before == width and stride == 1
        self.layers = nn.Sequential(
            nn.Conv2d(before, inner, 1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU6(inplace=True),
            nn.Conv2d(inner, inner, 3, stride=stride, padding=1, groups=inner, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU6(inplace=True),
            nn.Conv2d(inner, width, 1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, x):
        return x + self.layers(x) if self.skips else self.layers(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 6, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(6),
            nn.ReLU6(inplace=True),
        )
        self.blocks = nn.Sequential(Block(6, 6), Block(6, 8, stride=2), Block(8, 8), Block(8, 10))
        self.last = nn.Sequential(
            nn.Conv2d(10, 20, 1, bias=False), nn.BatchNorm2d(20), nn.ReLU6(inplace=True)
        )
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(20, 10))

    def forward(self, x):
        x = self.last(self.blocks(self.stem(x)))
        return self.classifier(x.mean((2, 3)))
