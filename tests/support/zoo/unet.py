"""Two small U-Nets: one goes up by transposed convolutions, one by bilinear interpolation."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


def double(inputs: int, outputs: int) -> nn.Sequential:
    """Two padded 3x3 convolutions."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class UNet(nn.Module):
    """Two levels down by max pools, two levels up by transposed convolutions."""

    def __init__(self, num_classes: int = 2, width: int = 8) -> None:
        super().__init__()
        self.down1 = double(3, width)
        self.down2 = double(width, 2 * width)
        self.bottom = double(2 * width, 4 * width)
        self.up2 = nn.ConvTranspose2d(4 * width, 2 * width, kernel_size=2, stride=2)
        self.join2 = double(4 * width, 2 * width)
        self.up1 = nn.ConvTranspose2d(2 * width, width, kernel_size=2, stride=2)
        self.join1 = double(2 * width, width)
        self.head = nn.Conv2d(width, num_classes, kernel_size=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = self.down1(x)
        second = self.down2(F.max_pool2d(first, 2))
        x = self.bottom(F.max_pool2d(second, 2))
        x = self.join2(torch.cat([second, self.up2(x)], dim=1))
        x = self.join1(torch.cat([first, self.up1(x)], dim=1))
        x = self.head(x)
        return x


class BilinearUNet(nn.Module):
    """The same on the way down; on the way up the skip's own size is what is interpolated to."""

    def __init__(self, num_classes: int = 2, width: int = 8, align_corners: bool = False) -> None:
        super().__init__()
        self.align_corners = align_corners
        self.pool = nn.MaxPool2d(2)
        self.down1 = double(3, width)
        self.down2 = double(width, 2 * width)
        self.bottom = double(2 * width, 4 * width)
        self.join2 = double(6 * width, 2 * width)
        self.join1 = double(3 * width, width)
        self.head = nn.Conv2d(width, num_classes, kernel_size=1)

    def up(self, x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        size = like.shape[-2:]
        x = F.interpolate(x, size=size, mode="bilinear", align_corners=self.align_corners)
        return torch.cat([like, x], dim=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = self.down1(x)
        second = self.down2(self.pool(first))
        x = self.bottom(self.pool(second))
        x = self.join2(self.up(x, second))
        x = self.join1(self.up(x, first))
        x = self.head(x)
        return x


def unet(num_classes: int = 2) -> UNet:
    return UNet(num_classes)


def bilinear_unet(num_classes: int = 2) -> BilinearUNet:
    return BilinearUNet(num_classes)
