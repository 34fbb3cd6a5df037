"""Reference network B: CIFAR-10 with fewer than 100,000 parameters, no stride and no pool before
the head, C1 C2 C3 C4 O.

Dilated kernels stand where strides would. The one that ends C1 has no padding, so that the map
shrinks from 32x32 to 28x28; the others only widen the field. Every dilated kernel reads maps whose
units already see enough of the image to leave no holes in between. Like A it keeps its parameters
in residuals of two plain 3x3 convolutions. All widths are multiples of eight, which is what tensor
cores take without padding.
"""

import torch
from torch import nn


def activated(convolution: nn.Conv2d) -> list[nn.Module]:
    return [convolution, nn.BatchNorm2d(convolution.out_channels), nn.SiLU()]


def convolution(inputs: int, outputs: int, dilation: int = 1, padding: int = 0) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel_size=3, padding=padding, dilation=dilation, bias=False)


class Transition(nn.Sequential):
    """A depthwise-separable convolution that changes the width and the field."""

    def __init__(self, inputs: int, outputs: int, dilation: int) -> None:
        depthwise = nn.Conv2d(
            inputs,
            inputs,
            kernel_size=3,
            padding=dilation,
            dilation=dilation,
            groups=inputs,
            bias=False,
        )
        pointwise = nn.Conv2d(inputs, outputs, kernel_size=1, bias=False)
        super().__init__(*activated(depthwise), *activated(pointwise))


class Residual(nn.Module):
    """Two 3x3 convolutions, each with a dilation of its own, beside a shortcut."""

    def __init__(self, width: int, first: int = 1, second: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *activated(convolution(width, width, first, padding=first)),
            convolution(width, width, second, padding=second),
            nn.BatchNorm2d(width),
        )
        self.activation = nn.SiLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.activation(x + self.body(x))


class B(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.c1 = nn.Sequential(
            *activated(convolution(3, 24, padding=1)),
            *activated(convolution(24, 24, padding=1)),
            *activated(convolution(24, 32, dilation=2)),
        )
        self.c2 = nn.Sequential(
            Residual(32),
            Transition(32, 40, dilation=4),
        )
        self.c3 = nn.Sequential(
            Residual(40, first=1, second=2),
            Transition(40, 40, dilation=3),
        )
        self.c4 = nn.Sequential(
            Residual(40, first=3, second=4),
            Transition(40, 64, dilation=4),
        )
        self.output = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.c1(x)
        x = self.c2(x)
        x = self.c3(x)
        x = self.c4(x)
        return self.output(x)
