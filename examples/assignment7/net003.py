"""Assignment document 003: no stride anywhere, the field comes from two large dilations.

98,089 parameters, 86,119,936 multiply-accumulates on a 3 x 32 x 32 image. One unit of the last
map before the pool sees 53 x 53 of the image, through the global pool it is 68 x 68.

Noteworthy: the dilation of 8 is that of a transposed convolution, which enlarges the map from
32 x 32 to 48 x 48; a convolution with a dilation of 16 brings it to 16 x 16. Such wide steps leave
holes: of the 53 positions on an axis one unit reads 35. The first depthwise convolution works on
the three colours, and both have batch normalisation and ReLU before their pointwise convolution.
"""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.c1 = nn.Sequential(
            nn.Conv2d(3, 3, kernel_size=3, padding=1, groups=3, bias=False),
            nn.BatchNorm2d(3),
            nn.ReLU(),
            nn.Conv2d(3, 256, kernel_size=1, bias=False),
            nn.BatchNorm2d(256),
            nn.ReLU(),
        )
        self.c2 = nn.Sequential(
            nn.Conv2d(256, 256, kernel_size=3, padding=1, groups=256, bias=False),
            nn.BatchNorm2d(256),
            nn.ReLU(),
            nn.Conv2d(256, 40, kernel_size=1, bias=False),
            nn.BatchNorm2d(40),
            nn.ReLU(),
        )
        # 32x32 -> 48x48
        self.c3 = nn.Sequential(
            nn.ConvTranspose2d(40, 185, kernel_size=3, dilation=8, bias=False),
            nn.BatchNorm2d(185),
            nn.ReLU(),
        )
        # 48x48 -> 16x16, one channel a class
        self.c4 = nn.Sequential(
            nn.Conv2d(185, 10, kernel_size=3, dilation=16, bias=False),
            nn.BatchNorm2d(10),
            nn.ReLU(),
        )
        self.gap = nn.AvgPool2d(kernel_size=16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.c1(x)
        x = self.c2(x)
        x = self.c3(x)
        x = self.c4(x)
        x = self.gap(x)
        return x.view(-1, 10)
