"""EfficientNet-B0 (Tan and Le 2019): inverted residuals with gates, 3x3 and 5x5."""

from __future__ import annotations

from torch import Tensor, nn

from tests.support.zoo.parts import Unit, chain

# expansion, kernel, stride, channels, blocks
STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)


class Gate(nn.Module):
    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, squeezed, kernel_size=1)
        self.fc2 = nn.Conv2d(squeezed, channels, kernel_size=1)
        self.act = nn.SiLU(inplace=True)
        self.scale = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        factors = self.scale(self.fc2(self.act(self.fc1(self.pool(x)))))
        return factors * x  # type: ignore[no-any-return]


class MBConv(nn.Module):
    """Widen, filter each channel, weigh the channels, narrow; a skip where shapes agree."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int,
        expansion: int,
        gated: bool = True,
    ) -> None:
        super().__init__()
        hidden = inputs * expansion
        layers: list[nn.Module] = []
        if expansion > 1:
            layers.append(Unit(inputs, hidden, activation=nn.SiLU))
        layers.append(Unit(hidden, hidden, kernel, stride, groups=hidden, activation=nn.SiLU))
        if gated:
            layers.append(Gate(hidden, max(1, inputs // 4)))
        layers.append(Unit(hidden, outputs, activation=None))
        self.body = nn.Sequential(*layers)
        self.has_skip = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.body(x)
        if self.has_skip:
            y += x
        return y


class EfficientNet(nn.Module):
    def __init__(
        self,
        stages: tuple[tuple[int, int, int, int, int], ...] = STAGES,
        stem: int = 32,
        last: int = 1280,
        num_classes: int = 1000,
        gated: bool = True,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [Unit(3, stem, 3, 2, activation=nn.SiLU)]
        channels = stem
        for expansion, kernel, stride, width, depth in stages:
            for index in range(depth):
                first = 1 if index else stride
                layers.append(MBConv(channels, width, kernel, first, expansion, gated))
                channels = width
        layers.append(Unit(channels, last, activation=nn.SiLU))
        self.features = chain(layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(0.2, inplace=True), nn.Linear(last, num_classes))

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.features(x))
        x = self.classifier(x.flatten(1))
        return x


def efficientnet_b0(num_classes: int = 1000) -> EfficientNet:
    return EfficientNet(num_classes=num_classes)


def small_efficientnet(gated: bool = True) -> EfficientNet:
    stages = ((1, 3, 1, 4, 1), (4, 5, 2, 8, 2), (4, 3, 2, 8, 1))
    return EfficientNet(stages, stem=4, last=8, num_classes=3, gated=gated)


def small_efficientnet_without_gates() -> EfficientNet:
    return small_efficientnet(gated=False)
