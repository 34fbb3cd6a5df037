"""The first U-Net (Ronneberger et al. 2015), without padding, and its padded descendants.

Without padding the skips are larger than what comes up and are cropped to it: 572x572 gives
388x388. With padding an odd side loses its last row on the way down, and what comes up is padded.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def double(inputs: int, outputs: int, padding: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel_size=3, padding=padding),
        nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, kernel_size=3, padding=padding),
        nn.ReLU(inplace=True),
    )


class Up(nn.Module):
    """Twice the size by a transposed convolution, or by interpolation and a 1x1."""

    def __init__(self, inputs: int, bilinear: bool, padding: int) -> None:
        super().__init__()
        outputs = inputs // 2
        if bilinear:
            self.up: nn.Module = nn.Sequential(
                nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
                nn.Conv2d(inputs, outputs, kernel_size=1),
            )
        else:
            self.up = nn.ConvTranspose2d(inputs, outputs, kernel_size=2, stride=2)
        self.join = double(inputs, outputs, padding)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        x = self.up(x)
        rows, columns = skip.shape[2] - x.shape[2], skip.shape[3] - x.shape[3]
        top, left = rows // 2, columns // 2
        if self.join[0].padding == (0, 0):
            skip = skip[:, :, top : top + x.shape[2], left : left + x.shape[3]]
        else:
            x = F.pad(x, [left, columns - left, top, rows - top])
        return self.join(torch.cat([skip, x], dim=1))  # type: ignore[no-any-return]


class UNet(nn.Module):
    def __init__(
        self,
        channels: int = 1,
        width: int = 64,
        levels: int = 4,
        num_classes: int = 2,
        bilinear: bool = False,
        padding: int = 0,
    ) -> None:
        super().__init__()
        widths = [width << level for level in range(levels + 1)]
        self.pool = nn.MaxPool2d(kernel_size=2)
        self.down = nn.ModuleList(
            double(inputs, outputs, padding)
            for inputs, outputs in zip([channels, *widths], widths, strict=False)
        )
        self.up = nn.ModuleList(Up(inputs, bilinear, padding) for inputs in widths[:0:-1])
        self.head = nn.Conv2d(width, num_classes, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for number, down in enumerate(self.down):
            x = down(self.pool(x) if number else x)
            skips.append(x)
        for up, skip in zip(self.up, skips[-2::-1], strict=True):
            x = up(x, skip)
        x = self.head(x)
        return x


def original_unet() -> UNet:
    return UNet()


def small_valid_unet() -> UNet:
    return UNet(1, width=2, levels=2)


def small_padded_unet() -> UNet:
    return UNet(1, width=2, levels=2, padding=1)


def small_bilinear_unet() -> UNet:
    """Interpolated with its corners aligned."""
    return UNet(1, width=2, levels=2, padding=1, bilinear=True)
