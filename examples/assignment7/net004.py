"""Assignment document 004: six separable pairs, and a receptive field below what was asked.

99,968 parameters, 31,536,384 multiply-accumulates on a 3 x 32 x 32 image. One unit of the last
map before the pool sees 31 x 31 of the image, through the global pool it is 35 x 35. More than 44
was asked, which the document does not notice.

Noteworthy: no 3x3 convolution after the first two is padded, so the map shrinks from 32 x 32 to
3 x 3 mostly by losing its borders; the only stride comes late, and little is left behind it that
could make use of the doubled step.
"""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        # 32x32
        self.conv1 = nn.Sequential(
            nn.Conv2d(in_channels=3, out_channels=32, kernel_size=3, padding=1, bias=False),
            nn.ReLU(),
            nn.BatchNorm2d(32),
            nn.Dropout(0.1),
            nn.Conv2d(in_channels=32, out_channels=64, kernel_size=3, padding=1, bias=False),
            nn.ReLU(),
            nn.BatchNorm2d(64),
            nn.Dropout(0.1),
        )
        self.trans1 = nn.Sequential(
            nn.Conv2d(in_channels=64, out_channels=32, kernel_size=1, bias=False),
        )
        # 32x32 -> 26x26, three depthwise-separable pairs
        self.conv2 = nn.Sequential(
            nn.Conv2d(in_channels=32, out_channels=32, kernel_size=3, groups=32, bias=False),
            nn.Conv2d(in_channels=32, out_channels=32, kernel_size=1, bias=False),
            nn.ReLU(),
            nn.BatchNorm2d(32),
            nn.Dropout(0.1),
            nn.Conv2d(in_channels=32, out_channels=32, kernel_size=3, groups=32, bias=False),
            nn.Conv2d(in_channels=32, out_channels=32, kernel_size=1, bias=False),
            nn.ReLU(),
            nn.BatchNorm2d(32),
            nn.Dropout(0.1),
            nn.Conv2d(in_channels=32, out_channels=32, kernel_size=3, groups=32, bias=False),
            nn.Conv2d(in_channels=32, out_channels=32, kernel_size=1, bias=False),
            nn.ReLU(),
            nn.BatchNorm2d(32),
            nn.Dropout(0.1),
        )
        # 26x26 -> 22x22, dilated
        self.trans2 = nn.Sequential(
            nn.Conv2d(in_channels=32, out_channels=16, kernel_size=3, dilation=2),
            nn.ReLU(),
        )
        # 22x22 -> 16x16, three more pairs
        self.conv3 = nn.Sequential(
            nn.Conv2d(in_channels=16, out_channels=16, kernel_size=3, groups=16, bias=False),
            nn.Conv2d(in_channels=16, out_channels=32, kernel_size=1, bias=False),
            nn.ReLU(),
            nn.BatchNorm2d(32),
            nn.Dropout(0.1),
            nn.Conv2d(in_channels=32, out_channels=32, kernel_size=3, groups=32, bias=False),
            nn.Conv2d(in_channels=32, out_channels=64, kernel_size=1, bias=False),
            nn.ReLU(),
            nn.BatchNorm2d(64),
            nn.Dropout(0.1),
            nn.Conv2d(in_channels=64, out_channels=64, kernel_size=3, groups=64, bias=False),
            nn.Conv2d(in_channels=64, out_channels=64, kernel_size=1, bias=False),
            nn.ReLU(),
            nn.BatchNorm2d(64),
            nn.Dropout(0.1),
        )
        # 16x16 -> 7x7, strided
        self.trans3 = nn.Sequential(
            nn.Conv2d(in_channels=64, out_channels=64, kernel_size=3, stride=2),
            nn.ReLU(),
            nn.Conv2d(in_channels=64, out_channels=16, kernel_size=1, bias=False),
        )
        # 7x7 -> 3x3
        self.conv4 = nn.Sequential(
            nn.Conv2d(in_channels=16, out_channels=32, kernel_size=3, bias=False),
            nn.ReLU(),
            nn.BatchNorm2d(32),
            nn.Dropout(0.1),
            nn.Conv2d(in_channels=32, out_channels=64, kernel_size=3, bias=False),
        )
        self.avgpool2d = nn.AvgPool2d(kernel_size=3)
        self.conv5 = nn.Sequential(
            nn.Conv2d(in_channels=64, out_channels=10, kernel_size=1, bias=False),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv1(x)
        x = self.trans1(x)
        x = self.conv2(x)
        x = self.trans2(x)
        x = self.conv3(x)
        x = self.trans3(x)
        x = self.conv4(x)
        x = self.avgpool2d(x)
        x = self.conv5(x)
        return x.view(-1, 10)
