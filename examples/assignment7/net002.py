"""Assignment document 002: many small grouped convolutions, of which few are depthwise.

94,116 parameters, 12,078,752 multiply-accumulates on a 3 x 32 x 32 image. One unit of the last
map before the pool sees 99 x 99 of the image, through the global pool it is 115 x 115.

Noteworthy: of eight grouped 3x3 convolutions three are depthwise (two of them with 32 channels
in and 64 out), the others have more than one channel in a group. One depthwise convolution goes
into a 1x1 convolution that is grouped itself, which makes no separable pair: there are two pairs.
The map shrinks from 8 x 8 to 5 x 5 at a stride of 2, with a dilation of 2 and a padding of 3. ReLU
stands before batch normalisation in most places, after it in some, and the classifier itself ends
in both.
"""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        # C1: 32x32 -> 16x16
        self.c1 = nn.Sequential(
            nn.Conv2d(3, 16, kernel_size=3, padding=1, bias=False),
            nn.ReLU(),
            nn.BatchNorm2d(16),
            nn.Conv2d(16, 16, kernel_size=1, bias=False),
            nn.ReLU(),
            nn.BatchNorm2d(16),
            nn.Conv2d(16, 32, kernel_size=3, padding=1, bias=False),
            nn.ReLU(),
            nn.BatchNorm2d(32),
            nn.Conv2d(32, 32, kernel_size=3, stride=2, padding=1, bias=False),
            nn.ReLU(),
            nn.BatchNorm2d(32),
        )
        # C2: 16x16 -> 8x8
        self.c2 = nn.Sequential(
            nn.Conv2d(32, 64, kernel_size=3, padding=1, groups=32, bias=False),
            nn.ReLU(),
            nn.BatchNorm2d(64),
            nn.Conv2d(64, 32, kernel_size=1, bias=False),
            nn.ReLU(),
            nn.BatchNorm2d(32),
            nn.Conv2d(32, 64, kernel_size=3, padding=1, groups=16, bias=False),
            nn.ReLU(),
            nn.BatchNorm2d(64),
            nn.Conv2d(64, 48, kernel_size=1, bias=False),
            nn.ReLU(),
            nn.BatchNorm2d(48),
            nn.Conv2d(48, 64, kernel_size=3, stride=2, padding=1, groups=16, bias=False),
            nn.ReLU(),
            nn.BatchNorm2d(64),
            nn.Conv2d(64, 32, kernel_size=1, bias=False),
            nn.ReLU(),
            nn.BatchNorm2d(32),
        )
        # C3: 8x8 -> 5x5; its 1x1 convolution from 64 to 128 channels is grouped
        self.c3 = nn.Sequential(
            nn.Conv2d(32, 64, kernel_size=3, padding=1, groups=32, bias=False),
            nn.ReLU(),
            nn.BatchNorm2d(64),
            nn.Conv2d(64, 128, kernel_size=1, groups=16, bias=False),
            nn.ReLU(),
            nn.BatchNorm2d(128),
            nn.Conv2d(128, 64, kernel_size=1, bias=False),
            nn.ReLU(),
            nn.BatchNorm2d(64),
            nn.Conv2d(64, 96, kernel_size=3, padding=1, groups=32, bias=False),
            nn.ReLU(),
            nn.BatchNorm2d(96),
            nn.Conv2d(96, 64, kernel_size=1, bias=False),
            nn.ReLU(),
            nn.BatchNorm2d(64),
            nn.Conv2d(64, 64, kernel_size=3, stride=2, padding=3, dilation=2, bias=False),
            nn.ReLU(),
            nn.BatchNorm2d(64),
        )
        # C4: 5x5 -> 3x3
        self.c4 = nn.Sequential(
            nn.Conv2d(64, 96, kernel_size=3, padding=1, groups=32, bias=False),
            nn.BatchNorm2d(96),
            nn.ReLU(),
            nn.Conv2d(96, 64, kernel_size=1, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.Conv2d(64, 64, kernel_size=3, padding=1, groups=64, bias=False),
            nn.Conv2d(64, 32, kernel_size=1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.Conv2d(32, 48, kernel_size=3, groups=8, bias=False),
            nn.ReLU(),
            nn.BatchNorm2d(48),
        )
        # O: scores at every position first, their average last
        self.classifier = nn.Sequential(
            nn.Conv2d(48, 10, kernel_size=1, bias=False),
            nn.ReLU(),
            nn.BatchNorm2d(10),
        )
        self.gap = nn.AdaptiveAvgPool2d(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.c1(x)
        x = self.c2(x)
        x = self.c3(x)
        x = self.c4(x)
        x = self.classifier(x)
        x = self.gap(x)
        return x.view(-1, 10)
