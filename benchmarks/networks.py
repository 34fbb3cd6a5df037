"""The networks that are measured, as functions that every tool loads by name.

Nothing but torch is imported, so that a process that loads a network from here costs no more
than the network.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from tests.support.zoo import densenet, resnet, swin, unet


def tiny() -> nn.Module:
    """Small enough to try a benchmark out."""
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3, stride=2))


def resnet50() -> nn.Module:
    """ResNet-50 with no module in the skips that pass their input on, as most people build it.

    One of the tools has no receptive field behind an ``nn.Identity``.
    """
    net = resnet.resnet50()
    for block in net.modules():
        if isinstance(block, resnet.Bottleneck) and isinstance(block.skip, nn.Identity):
            del block.skip
            object.__setattr__(block, "skip", _same)
    return net


def _same(x: torch.Tensor) -> torch.Tensor:
    return x


def residual(blocks: int) -> nn.Module:
    """A stem and so many residual blocks in a row."""
    body = [resnet.Basic(16, 16, 1) for _ in range(blocks)]
    return nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), *body)


def residual100() -> nn.Module:
    """A hundred residual blocks: 200 convolutions."""
    return residual(100)


def residual1000() -> nn.Module:
    """A thousand residual blocks: 2,000 convolutions."""
    return residual(1000)


def densenet201() -> nn.Module:
    """DenseNet-201 (Huang et al. 2017)."""
    return densenet.densenet201()


def swin_t() -> nn.Module:
    """Swin-T (Liu et al. 2021)."""
    return swin.swin_t()


class UNet(nn.Module):
    """The U-Net of Ronneberger et al. 2015: four levels, 64 channels at the top, 31 M parameters.

    Its convolutions are padded, as they are in most code, so that the output has the input's size.
    """

    def __init__(self, classes: int = 2, width: int = 64, levels: int = 4) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(levels + 1)]
        self.first = unet.double(3, width)
        pairs = list(pairwise(widths))
        self.down = nn.ModuleList(unet.double(upper, lower) for upper, lower in pairs)
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(lower, upper, kernel_size=2, stride=2)
            for upper, lower in reversed(pairs)
        )
        self.join = nn.ModuleList(unet.double(2 * upper, upper) for upper, _ in reversed(pairs))
        self.head = nn.Conv2d(width, classes, kernel_size=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        skips = []
        for down in self.down:
            skips.append(x)
            x = down(F.max_pool2d(x, 2))
        for up, join in zip(self.up, self.join, strict=True):
            x = join(torch.cat([skips.pop(), up(x)], dim=1))
        y: torch.Tensor = self.head(x)
        return y


def unet31m() -> nn.Module:
    """The U-Net of the paper, with its 31 million parameters."""
    return UNet()
