"""R(2+1)D-18 (Tran et al. 2018), space and time convolved in turn, and a 3-D U-Net (Çiçek et al.
2016)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def between(inputs: int, outputs: int) -> int:
    """So many channels in between that both together weigh what one 3x3x3 would."""
    return inputs * outputs * 27 // (inputs * 9 + 3 * outputs)


def factorised(inputs: int, middle: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(inputs, middle, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False),
        nn.BatchNorm3d(middle),
        nn.ReLU(inplace=True),
        nn.Conv3d(middle, outputs, (3, 1, 1), (stride, 1, 1), (1, 0, 0), bias=False),
    )


class Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        middle = between(inputs, outputs)
        self.conv1 = factorised(inputs, middle, outputs, stride)
        self.bn1 = nn.BatchNorm3d(outputs)
        self.conv2 = factorised(outputs, middle, outputs, 1)
        self.bn2 = nn.BatchNorm3d(outputs)
        self.skip: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.skip = nn.Sequential(
                nn.Conv3d(inputs, outputs, kernel_size=1, stride=stride, bias=False),
                nn.BatchNorm3d(outputs),
            )

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return torch.relu(y + self.skip(x))


class R2Plus1D(nn.Module):
    """(N, 3, time, height, width)."""

    def __init__(
        self,
        middle: int = 45,
        width: int = 64,
        depths: tuple[int, ...] = (2, 2, 2, 2),
        num_classes: int = 400,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv3d(3, middle, (1, 7, 7), (1, 2, 2), (0, 3, 3), bias=False),
            nn.BatchNorm3d(middle),
            nn.ReLU(inplace=True),
            nn.Conv3d(middle, width, (3, 1, 1), (1, 1, 1), (1, 0, 0), bias=False),
            nn.BatchNorm3d(width),
            nn.ReLU(inplace=True),
        )
        blocks = []
        channels = width
        for stage, depth in enumerate(depths):
            for index in range(depth):
                blocks.append(Block(channels, width << stage, 2 if stage and not index else 1))
                channels = width << stage
        self.blocks = nn.Sequential(*blocks)
        self.pool = nn.AdaptiveAvgPool3d((1, 1, 1))
        self.fc = nn.Linear(channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(self.stem(x))
        x = self.fc(self.pool(x).flatten(1))
        return x


class UNet3d(nn.Module):
    """One level: down by a max pool, up by a transposed convolution, the depth kept."""

    def __init__(self, width: int = 2, num_classes: int = 2) -> None:
        super().__init__()
        self.first = nn.Conv3d(1, width, kernel_size=3, padding=1)
        self.bottom = nn.Conv3d(width, 2 * width, kernel_size=3, padding=1)
        self.up = nn.ConvTranspose3d(2 * width, width, kernel_size=(1, 2, 2), stride=(1, 2, 2))
        self.join = nn.Conv3d(2 * width, num_classes, kernel_size=(3, 1, 1), padding=(1, 0, 0))

    def forward(self, x: Tensor) -> Tensor:
        skip = F.relu(self.first(x))
        x = F.relu(self.bottom(F.max_pool3d(skip, (1, 2, 2))))
        x = self.join(torch.cat((self.up(x), skip), dim=1))
        return x


def r2plus1d_18() -> R2Plus1D:
    return R2Plus1D()


def small_r2plus1d() -> R2Plus1D:
    return R2Plus1D(middle=2, width=2, depths=(1, 1), num_classes=3)


def unet3d() -> UNet3d:
    return UNet3d()
