"""Reference network B: CIFAR-10 with fewer than 100,000 parameters, no stride and no pool before
the head, C1 C2 C3 C4 O.

Dilated kernels stand where strides would. Those of C1 and C2 have no padding, so that the map
shrinks as well (32x32 to 28x28 to 20x20), which is what keeps the network fast; those of C3 and C4
only widen the field. Every dilated kernel reads maps whose units already see enough of the image
to leave no holes in between.
"""

import torch
from torch import nn


def activated(convolution: nn.Conv2d) -> list[nn.Module]:
    return [convolution, nn.BatchNorm2d(convolution.out_channels), nn.SiLU(inplace=True)]


def depthwise(width: int, dilation: int = 1, padding: int = 0) -> nn.Conv2d:
    return nn.Conv2d(
        width,
        width,
        kernel_size=3,
        padding=padding,
        dilation=dilation,
        groups=width,
        bias=False,
    )


def pointwise(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel_size=1, bias=False)


class Transition(nn.Sequential):
    """A depthwise-separable convolution that changes the width and, without padding, the map."""

    def __init__(self, inputs: int, outputs: int, dilation: int, padding: int = 0) -> None:
        super().__init__(
            *activated(depthwise(inputs, dilation, padding)),
            *activated(pointwise(inputs, outputs)),
        )


class InvertedResidual(nn.Module):
    """Pointwise to a larger width, depthwise 3x3, pointwise back, beside a shortcut."""

    def __init__(self, width: int, hidden: int, dilation: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *activated(pointwise(width, hidden)),
            *activated(depthwise(hidden, dilation, padding=dilation)),
            pointwise(hidden, width),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.body(x)


class B(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.c1 = nn.Sequential(
            *activated(nn.Conv2d(3, 32, kernel_size=3, padding=1, bias=False)),
            InvertedResidual(32, 64),
            Transition(32, 36, dilation=2),
        )
        self.c2 = nn.Sequential(
            InvertedResidual(36, 108),
            InvertedResidual(36, 108),
            Transition(36, 52, dilation=4),
        )
        self.c3 = nn.Sequential(
            InvertedResidual(52, 156),
            InvertedResidual(52, 156, dilation=3),
            Transition(52, 64, dilation=3, padding=3),
        )
        self.c4 = nn.Sequential(
            InvertedResidual(64, 96, dilation=4),
            InvertedResidual(64, 96, dilation=5),
        )
        self.output = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.c1(x)
        x = self.c2(x)
        x = self.c3(x)
        x = self.c4(x)
        return self.output(x)
