"""Reference network A: CIFAR-10 with fewer than 200,000 parameters, C1 C2 C3 C4 O.

Inverted residuals (M. Sandler et al., "MobileNetV2", 2018), so nearly every 3x3 is depthwise. C1
and C3 end with a strided convolution (32x32 to 16x16, 16x16 to 8x8). C2 ends with a dilated one in
its place: it widens the field as a stride would, and all positions are kept.
"""

import torch
from torch import nn


def activated(convolution: nn.Conv2d) -> list[nn.Module]:
    return [convolution, nn.BatchNorm2d(convolution.out_channels), nn.SiLU(inplace=True)]


def depthwise(width: int, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    return nn.Conv2d(
        width,
        width,
        kernel_size=3,
        stride=stride,
        padding=dilation,
        dilation=dilation,
        groups=width,
        bias=False,
    )


def pointwise(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel_size=1, bias=False)


class Transition(nn.Sequential):
    """A depthwise-separable convolution that changes the width, and the resolution or the field."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__(
            *activated(depthwise(inputs, stride, dilation)),
            *activated(pointwise(inputs, outputs)),
        )


class InvertedResidual(nn.Module):
    """Pointwise to a larger width, depthwise 3x3, pointwise back, beside a shortcut."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *activated(pointwise(width, hidden)),
            *activated(depthwise(hidden)),
            pointwise(hidden, width),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.body(x)


class A(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.c1 = nn.Sequential(
            *activated(nn.Conv2d(3, 32, kernel_size=3, padding=1, bias=False)),
            InvertedResidual(32, 64),
            Transition(32, 48, stride=2),
        )
        self.c2 = nn.Sequential(
            InvertedResidual(48, 144),
            InvertedResidual(48, 144),
            InvertedResidual(48, 144),
            Transition(48, 64, dilation=2),
        )
        self.c3 = nn.Sequential(
            InvertedResidual(64, 192),
            InvertedResidual(64, 192),
            Transition(64, 96, stride=2),
        )
        self.c4 = nn.Sequential(
            InvertedResidual(96, 192),
            InvertedResidual(96, 182),
        )
        self.output = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(96, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.c1(x)
        x = self.c2(x)
        x = self.c3(x)
        x = self.c4(x)
        return self.output(x)
