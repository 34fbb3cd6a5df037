"""Residual blocks of a stage: the first of them begins with a ReLU alone, without a norm."""

from torch import nn


class FaultyBlock(nn.Module):
    def __init__(self, width, first=False):
        super().__init__()
        self.norm0 = None if first else nn.BatchNorm2d(width)
        self.relu0 = nn.ReLU(inplace=True)  # fault: inplace-corrupts-skip
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)

    def forward(self, x):
        identity = x
        out = x if self.norm0 is None else self.norm0(x)
        out = self.relu0(out)
        out = self.relu1(self.norm1(self.conv1(out)))
        out = self.conv2(out)
        out += identity
        return out


class FixedBlock(nn.Module):
    def __init__(self, width, first=False):
        super().__init__()
        self.norm0 = None if first else nn.BatchNorm2d(width)
        self.relu0 = nn.ReLU()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)

    def forward(self, x):
        identity = x
        out = x if self.norm0 is None else self.norm0(x)
        out = self.relu0(out)
        out = self.relu1(self.norm1(self.conv1(out)))
        out = self.conv2(out)
        out += identity
        return out


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
        self.stage = nn.Sequential(FaultyBlock(8, first=True), FaultyBlock(8))
        self.norm = nn.BatchNorm2d(8)
        self.relu = nn.ReLU(inplace=True)
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        x = self.stage(self.stem(x))
        return self.fc(self.relu(self.norm(x)).mean((2, 3)))


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
        self.stage = nn.Sequential(FixedBlock(8, first=True), FixedBlock(8))
        self.norm = nn.BatchNorm2d(8)
        self.relu = nn.ReLU(inplace=True)
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        x = self.stage(self.stem(x))
        return self.fc(self.relu(self.norm(x)).mean((2, 3)))
