"""DeepLabv3 (Chen et al. 2017): a dilated ResNet and atrous spatial pyramid pooling.

One branch of the pyramid sees the whole image; the result is interpolated to the input's size.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.support.zoo.parts import Unit, chain


class Bottleneck(nn.Module):
    """1x1, 3x3 with stride or dilation, 1x1, and a skip."""

    def __init__(self, inputs: int, width: int, stride: int, dilation: int) -> None:
        super().__init__()
        outputs = 4 * width
        self.body = nn.Sequential(
            Unit(inputs, width),
            Unit(width, width, 3, stride, dilation=dilation),
            Unit(width, outputs, activation=None),
        )
        self.skip: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.skip = Unit(inputs, outputs, 1, stride, activation=None)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.skip(x))


class ImagePooling(nn.Module):
    """The mean of the image at every position."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.unit = Unit(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        y = self.unit(self.pool(x))
        return F.interpolate(y, size=x.shape[-2:], mode="bilinear", align_corners=False)


class ASPP(nn.Module):
    def __init__(
        self, inputs: int, width: int, rates: tuple[int, ...], pooling: bool = True
    ) -> None:
        super().__init__()
        branches: list[nn.Module] = [Unit(inputs, width)]
        branches += [Unit(inputs, width, 3, dilation=rate) for rate in rates]
        if pooling:
            branches.append(ImagePooling(inputs, width))
        self.branches = nn.ModuleList(branches)
        self.project = Unit(len(branches) * width, width)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.project(torch.cat([branch(x) for branch in self.branches], dim=1))
        return self.dropout(y)  # type: ignore[no-any-return]


class DeepLabV3(nn.Module):
    """Output stride 8: the last two stages are dilated instead of strided.

    Returns the segmentation, and that of the auxiliary head on the third stage if there is one.
    """

    def __init__(
        self,
        depths: tuple[int, int, int, int] = (3, 4, 6, 3),
        width: int = 64,
        head: int = 256,
        rates: tuple[int, ...] = (12, 24, 36),
        num_classes: int = 21,
        pooling: bool = True,
        auxiliary: bool = True,
    ) -> None:
        super().__init__()
        self.channels = width
        self.stem = nn.Sequential(Unit(3, width, 7, 2), nn.MaxPool2d(3, stride=2, padding=1))
        self.layer1 = self.layer(depths[0], width, 1, 1, 1)
        self.layer2 = self.layer(depths[1], 2 * width, 2, 1, 1)
        self.layer3 = self.layer(depths[2], 4 * width, 1, 1, 2)
        third = self.channels
        self.layer4 = self.layer(depths[3], 8 * width, 1, 2, 4)
        self.aspp = ASPP(self.channels, head, rates, pooling)
        self.classify = nn.Sequential(Unit(head, head, 3), nn.Conv2d(head, num_classes, 1))
        self.auxiliary: nn.Module | None = None
        if auxiliary:
            self.auxiliary = nn.Sequential(
                Unit(third, third // 4, 3), nn.Dropout(0.1), nn.Conv2d(third // 4, num_classes, 1)
            )

    def layer(self, depth: int, width: int, stride: int, first: int, rest: int) -> nn.Sequential:
        """So many blocks, with the first one's dilation and that of the rest."""
        blocks = []
        for index in range(depth):
            dilation = rest if index else first
            blocks.append(Bottleneck(self.channels, width, 1 if index else stride, dilation))
            self.channels = 4 * width
        return chain(blocks)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        size = x.shape[-2:]
        x = self.layer3(self.layer2(self.layer1(self.stem(x))))
        y = self.classify(self.aspp(self.layer4(x)))
        found = {"out": F.interpolate(y, size=size, mode="bilinear", align_corners=False)}
        if self.auxiliary is not None:
            y = self.auxiliary(x)
            found["aux"] = F.interpolate(y, size=size, mode="bilinear", align_corners=False)
        return found


def deeplabv3_resnet50(num_classes: int = 21) -> DeepLabV3:
    return DeepLabV3(num_classes=num_classes)


def small_deeplab(pooling: bool = True) -> DeepLabV3:
    return DeepLabV3((1, 1, 2, 1), 2, 4, (2, 4), 2, pooling, auxiliary=pooling)


def small_deeplab_without_pooling() -> DeepLabV3:
    return small_deeplab(pooling=False)
