"""One axis: a WaveNet (van den Oord et al. 2016) and the M5 of Dai et al. (2017)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class GatedLayer(nn.Module):
    """A causal dilated convolution, padded in front only, tanh times sigmoid."""

    def __init__(self, width: int, skip: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.filter = nn.Conv1d(width, width, kernel_size=2, dilation=dilation)
        self.gate = nn.Conv1d(width, width, kernel_size=2, dilation=dilation)
        self.residual = nn.Conv1d(width, width, kernel_size=1)
        self.skip = nn.Conv1d(width, skip, kernel_size=1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        padded = F.pad(x, (self.dilation, 0))
        y = torch.tanh(self.filter(padded)) * torch.sigmoid(self.gate(padded))
        return x + self.residual(y), self.skip(y)


class WaveNet(nn.Module):
    """Stacks of doubling dilations; the skips of all layers are summed."""

    def __init__(self, width: int = 4, layers: int = 4, stacks: int = 2) -> None:
        super().__init__()
        self.causal = nn.Conv1d(1, width, kernel_size=2)
        self.layers = nn.ModuleList(
            GatedLayer(width, width, 2**layer) for _ in range(stacks) for layer in range(layers)
        )
        self.head = nn.Sequential(
            nn.ReLU(), nn.Conv1d(width, width, 1), nn.ReLU(), nn.Conv1d(width, 5, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.causal(F.pad(x, (1, 0)))
        total: Tensor | float = 0.0
        for layer in self.layers:
            x, skip = layer(x)
            total = total + skip
        x = self.head(total)
        return x


class M5(nn.Module):
    """Raw sound: 80 samples at once, then threes, max pools of four between."""

    def __init__(self, width: int = 128, first: int = 80, num_classes: int = 10) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 1
        for number, outputs in enumerate((width, width, 2 * width, 4 * width)):
            kernel, stride, padding = (3, 1, 1) if number else (first, 4, first // 2 - 2)
            layers += [
                nn.Conv1d(inputs, outputs, kernel, stride, padding),
                nn.BatchNorm1d(outputs),
                nn.ReLU(),
                nn.MaxPool1d(4),
            ]
            inputs = outputs
        self.features = nn.Sequential(*layers)
        self.fc = nn.Linear(inputs, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x).mean(dim=-1)
        x = F.log_softmax(self.fc(x), dim=-1)
        return x


def wavenet() -> WaveNet:
    return WaveNet()


def m5() -> M5:
    return M5()


def small_m5() -> M5:
    return M5(width=2, first=8, num_classes=3)
