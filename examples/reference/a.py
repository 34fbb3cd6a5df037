"""Reference network A: CIFAR-10 with fewer than 200,000 parameters, C1 C2 C3 C4 O.

Residuals of two plain 3x3 convolutions (K. He et al., "Deep Residual Learning", 2015) hold nearly
all parameters. What ends a block is depthwise-separable: C1 with the only stride (32x32 to 16x16),
C2 and C3 with a dilation in its place, which widens the field as a stride would and keeps all
positions.
"""

import torch
from torch import nn


def activated(convolution: nn.Conv2d) -> list[nn.Module]:
    return [convolution, nn.BatchNorm2d(convolution.out_channels), nn.SiLU()]


def convolution(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False)


class Transition(nn.Sequential):
    """A depthwise-separable convolution that changes the width, and the resolution or the field."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, dilation: int = 1) -> None:
        depthwise = nn.Conv2d(
            inputs,
            inputs,
            kernel_size=3,
            stride=stride,
            padding=dilation,
            dilation=dilation,
            groups=inputs,
            bias=False,
        )
        pointwise = nn.Conv2d(inputs, outputs, kernel_size=1, bias=False)
        super().__init__(*activated(depthwise), *activated(pointwise))


class Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *activated(convolution(width, width)),
            convolution(width, width),
            nn.BatchNorm2d(width),
        )
        self.activation = nn.SiLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.activation(x + self.body(x))


class A(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.c1 = nn.Sequential(
            *activated(convolution(3, 24)),
            Residual(24),
            Residual(24),
            Transition(24, 40, stride=2),
        )
        self.c2 = nn.Sequential(
            Residual(40),
            Residual(40),
            Transition(40, 48, dilation=2),
        )
        self.c3 = nn.Sequential(
            Residual(48),
            Transition(48, 60, dilation=4),
        )
        self.c4 = nn.Sequential(
            Residual(60),
            Transition(60, 60),
        )
        self.output = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(60, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.c1(x)
        x = self.c2(x)
        x = self.c3(x)
        x = self.c4(x)
        return self.output(x)
