"""Assignment document 000: three strides, one dilation, and a pool that is not global.

344,032 parameters, 43,965,952 multiply-accumulates on a 3 x 32 x 32 image. One unit of the last
map before the pool sees 33 x 33 of the image, one unit behind the pool 65 x 65.

Noteworthy: AvgPool2d(5) over a 6 x 6 map leaves one row and one column unread. The depthwise
convolution turns 32 channels into 64 (a multiplier of two), batch normalisation, ReLU and dropout
stand between it and its pointwise convolution, and that one has a stride of 2, so it reads one
position in four.
"""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, dropout: float = 0.1) -> None:
        super().__init__()
        self.convblock1 = nn.Sequential(
            nn.Conv2d(3, 32, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.Dropout(dropout),
        )
        self.convblock2 = nn.Sequential(
            nn.Conv2d(32, 64, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.Dropout(dropout),
        )
        # 32x32 -> 16x16, in the place of a max pool
        self.convblock3 = nn.Sequential(
            nn.Conv2d(64, 32, kernel_size=1, stride=2, bias=False),
        )
        self.depthwise1 = nn.Sequential(
            nn.Conv2d(32, 64, kernel_size=3, groups=32, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.Dropout(dropout),
        )
        # 14x14 -> 7x7: the pointwise half of the separable pair
        self.convblock4 = nn.Sequential(
            nn.Conv2d(64, 128, kernel_size=1, stride=2, bias=False),
            nn.BatchNorm2d(128),
            nn.ReLU(),
            nn.Dropout(dropout),
        )
        # dilated, and padded by more than it needs: 7x7 -> 11x11
        self.convblock5 = nn.Sequential(
            nn.Conv2d(128, 128, kernel_size=3, padding=4, dilation=2, bias=False),
            nn.BatchNorm2d(128),
            nn.ReLU(),
            nn.Dropout(dropout),
        )
        self.convblock6 = nn.Sequential(
            nn.Conv2d(128, 128, kernel_size=3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(128),
            nn.ReLU(),
            nn.Dropout(dropout),
        )
        self.gap = nn.Sequential(nn.AvgPool2d(kernel_size=5))
        self.convblock7 = nn.Sequential(
            nn.Conv2d(128, 128, kernel_size=1, bias=False),
            nn.ReLU(),
            nn.BatchNorm2d(128),
            nn.Dropout(dropout),
        )
        self.convblock8 = nn.Sequential(
            nn.Conv2d(128, 10, kernel_size=1, bias=False),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.convblock1(x)
        x = self.convblock2(x)
        x = self.convblock3(x)
        x = self.depthwise1(x)
        x = self.convblock4(x)
        x = self.convblock5(x)
        x = self.convblock6(x)
        x = self.gap(x)
        x = self.convblock7(x)
        x = self.convblock8(x)
        return x.view(-1, 10)
