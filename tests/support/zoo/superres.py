"""Super-resolution: ESPCN (Shi et al. 2016) and the EDSR baseline (Lim et al. 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ESPCN(nn.Module):
    """5x5, 3x3, 3x3, and channels shuffled into pixels by views."""

    def __init__(self, scale: int = 3, width: int = 64) -> None:
        super().__init__()
        self.scale = scale
        self.conv1 = nn.Conv2d(1, width, kernel_size=5, padding=2)
        self.conv2 = nn.Conv2d(width, width // 2, kernel_size=3, padding=1)
        self.conv3 = nn.Conv2d(width // 2, scale * scale, kernel_size=3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.conv2(torch.tanh(self.conv1(x))))
        x = self.conv3(x)
        batch, _, height, width = x.shape
        x = x.view(batch, self.scale, self.scale, height, width).permute(0, 3, 1, 4, 2)
        return x.reshape(batch, 1, height * self.scale, width * self.scale)


class Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, kernel_size=3, padding=1),
            nn.ReLU(True),
            nn.Conv2d(width, width, kernel_size=3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x).mul(0.1) + x  # type: ignore[no-any-return]


class EDSR(nn.Module):
    def __init__(self, depth: int = 16, width: int = 64, scale: int = 2) -> None:
        super().__init__()
        self.head = nn.Conv2d(3, width, kernel_size=3, padding=1)
        blocks: list[nn.Module] = [Residual(width) for _ in range(depth)]
        self.body = nn.Sequential(*blocks, nn.Conv2d(width, width, kernel_size=3, padding=1))
        self.tail = nn.Sequential(
            nn.Conv2d(width, scale * scale * width, kernel_size=3, padding=1),
            nn.PixelShuffle(scale),
            nn.Conv2d(width, 3, kernel_size=3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.head(x)
        x = x + self.body(x)
        x = self.tail(x)
        return x


def espcn() -> ESPCN:
    return ESPCN()


def edsr_baseline() -> EDSR:
    return EDSR()


def small_espcn() -> ESPCN:
    return ESPCN(scale=3, width=4)


def small_edsr() -> EDSR:
    return EDSR(depth=2, width=4)
