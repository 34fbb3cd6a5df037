"""GhostNet 1.0x (Han et al. 2020): half of the channels are made of the other half, cheaply."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.support.zoo.parts import Unit, chain

# kernel, hidden channels, channels, share of the gate, stride
STAGES: tuple[tuple[int, int, int, float, int], ...] = (
    (3, 16, 16, 0, 1),
    (3, 48, 24, 0, 2),
    (3, 72, 24, 0, 1),
    (5, 72, 40, 0.25, 2),
    (5, 120, 40, 0.25, 1),
    (3, 240, 80, 0, 2),
    (3, 200, 80, 0, 1),
    (3, 184, 80, 0, 1),
    (3, 184, 80, 0, 1),
    (3, 480, 112, 0.25, 1),
    (3, 672, 112, 0.25, 1),
    (5, 672, 160, 0.25, 2),
    (5, 960, 160, 0, 1),
    (5, 960, 160, 0.25, 1),
    (5, 960, 160, 0, 1),
    (5, 960, 160, 0.25, 1),
)


def quarters(value: float) -> int:
    """A multiple of four near a value, never a tenth below it."""
    found = max(4, int(value + 2) // 4 * 4)
    return found + 4 if found < 0.9 * value else found


class Ghost(nn.Module):
    """A 1x1 for half of the channels, a depthwise 3x3 of those for the rest."""

    def __init__(self, inputs: int, outputs: int, activation: type[nn.Module] | None) -> None:
        super().__init__()
        half = -(-outputs // 2)
        self.outputs = outputs
        self.primary = Unit(inputs, half, activation=activation)
        self.cheap = Unit(half, half, 3, groups=half, activation=activation)

    def forward(self, x: Tensor) -> Tensor:
        first = self.primary(x)
        return torch.cat([first, self.cheap(first)], dim=1)[:, : self.outputs, :, :]


class Gate(nn.Module):
    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeezed, kernel_size=1)
        self.excite = nn.Conv2d(squeezed, channels, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        y = F.adaptive_avg_pool2d(x, 1)
        return x * F.hardsigmoid(self.excite(F.relu(self.squeeze(y))))


class Bottleneck(nn.Module):
    def __init__(
        self, inputs: int, hidden: int, outputs: int, kernel: int, stride: int, share: float
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [Ghost(inputs, hidden, nn.ReLU)]
        if stride > 1:
            layers.append(Unit(hidden, hidden, kernel, stride, groups=hidden, activation=None))
        if share:
            layers.append(Gate(hidden, quarters(share * hidden)))
        layers.append(Ghost(hidden, outputs, None))
        self.body = nn.Sequential(*layers)
        self.skip = nn.Sequential()
        if stride > 1 or inputs != outputs:
            self.skip = nn.Sequential(
                Unit(inputs, inputs, kernel, stride, groups=inputs, activation=None),
                Unit(inputs, outputs, activation=None),
            )

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x) + self.skip(x)  # type: ignore[no-any-return]


class GhostNet(nn.Module):
    def __init__(
        self,
        stages: tuple[tuple[int, int, int, float, int], ...] = STAGES,
        stem: int = 16,
        wide: int = 960,
        last: int = 1280,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [Unit(3, stem, 3, 2)]
        channels = stem
        for kernel, hidden, outputs, share, stride in stages:
            layers.append(Bottleneck(channels, hidden, outputs, kernel, stride, share))
            channels = outputs
        layers.append(Unit(channels, wide))
        self.features = chain(layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Conv2d(wide, last, kernel_size=1)
        self.classifier = nn.Linear(last, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.features(x))
        x = F.relu(self.head(x)).view(x.size(0), -1)
        x = self.classifier(x)
        return x


def ghostnet(num_classes: int = 1000) -> GhostNet:
    return GhostNet(num_classes=num_classes)


def small_ghostnet() -> GhostNet:
    stages = ((3, 6, 5, 0.0, 1), (5, 8, 6, 0.25, 2), (3, 8, 6, 0.0, 1))
    return GhostNet(stages, stem=4, wide=8, last=8, num_classes=3)
