"""Networks whose receptive field every tool has to find, as they occur in real code."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.networks import resnet50
from tests.support.zoo import squeezenet, unet


class Case(NamedTuple):
    """A network, its input, and the module at whose output the field is compared ("": the network).

    The oracle looks at `phases` neighbouring units: their fields differ in size after an
    upsampling, and the largest size counts.
    """

    name: str
    build: Callable[[], nn.Module]
    shape: tuple[int, ...] = (3, 64, 64)
    at: str = ""
    phases: int = 1


def conv(
    inputs: int = 4, channels: int = 4, stride: int = 1, padding: int = 0, dilation: int = 1
) -> nn.Conv2d:
    """A 3x3 convolution."""
    return nn.Conv2d(inputs, channels, 3, stride, padding, dilation)


def chain() -> nn.Module:
    return nn.Sequential(conv(3), nn.ReLU(), conv(stride=2), nn.ReLU(), conv())


def dilated() -> nn.Module:
    return nn.Sequential(conv(3), conv(dilation=2), conv(dilation=4))


def pooled() -> nn.Module:
    return nn.Sequential(conv(3), nn.MaxPool2d(2), conv(), nn.AvgPool2d(3, 2), conv())


class FunctionalPool(nn.Module):
    """The pool is a function, not a module."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = conv(3), conv()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.second(F.max_pool2d(self.first(x), 2))
        return y


def same() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 5, padding="same"), nn.ReLU(), nn.Conv2d(4, 4, 3, padding="same")
    )


class Residual(nn.Module):
    """The shortcut is a module that passes its input on, as several libraries write it."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.body, self.skip = conv(3), conv(padding=1), nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        return torch.relu(self.body(x) + self.skip(x))


class OffCentre(nn.Module):
    """Two branches that look to different sides: the hull is wider than either."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = conv(3), conv(3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        left = F.pad(self.left(x), (0, 4, 0, 4))
        return torch.cat([left, F.pad(self.right(x), (4, 0, 4, 0))], dim=1)


def transposed() -> nn.Module:
    return nn.Sequential(conv(3), nn.ConvTranspose2d(4, 4, 3, stride=2), conv(), conv())


def nearest() -> nn.Module:
    return nn.Sequential(conv(3), nn.Upsample(scale_factor=2, mode="nearest"), conv())


def bilinear() -> nn.Module:
    up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
    return nn.Sequential(conv(3), up, conv())


class ModulePoolUNet(unet.UNet):
    """A U-Net whose pools are modules, which one of the tools needs."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = self.down1(x)
        second = self.down2(self.pool(first))
        x = self.bottom(self.pool(second))
        x = self.join2(torch.cat([second, self.up2(x)], dim=1))
        y: torch.Tensor = self.head(self.join1(torch.cat([first, self.up1(x)], dim=1)))
        return y


class SpaceToDepth(nn.Module):
    """Every second row and column, four times over, as detectors begin."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = conv(12)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts = [x[:, :, row::2, column::2] for row in (0, 1) for column in (0, 1)]
        y: torch.Tensor = self.conv(torch.cat(parts, dim=1))
        return y


class Shuffled(nn.Module):
    """A sub-pixel upsampling, as in super-resolution."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(3, 16), nn.PixelShuffle(2), conv())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.body(x)
        return y


CASES = (
    Case("three 3×3 convolutions, one with stride 2", chain),
    Case("dilations 1, 2 and 4", dilated),
    Case("max and average pools", pooled),
    Case("`F.max_pool2d(x, 2)`", FunctionalPool),
    Case('`padding="same"`', same),
    Case("residual block, `nn.Identity` as its skip", Residual),
    Case("branches that look to different sides", OffCentre),
    Case("transposed convolution", transposed, phases=2),
    Case("nearest upsampling", nearest, phases=2),
    Case("bilinear upsampling", bilinear, phases=2),
    Case("pixel shuffle", Shuffled, phases=2),
    Case("`x[:, :, ::2, ::2]`", SpaceToDepth),
    Case("U-Net of two levels", ModulePoolUNet, phases=4),
    Case("SqueezeNet 1.1, last map", squeezenet.squeezenet1_1, (3, 224, 224), at="features"),
    Case("ResNet-50, layer4", resnet50, (3, 224, 224), at="layer4"),
)
