"""CRNN (Shi et al. 2015): a map brought to one row, its columns read by two bidirectional LSTMs."""

from __future__ import annotations

from torch import Tensor, nn


class CRNN(nn.Module):
    """(N, 1, 32, W) to (T, N, classes)."""

    def __init__(self, width: int = 64, hidden: int = 256, num_classes: int = 37) -> None:
        super().__init__()
        w = width
        self.features = nn.Sequential(
            nn.Conv2d(1, w, 3, padding=1),
            nn.ReLU(True),
            nn.MaxPool2d(2, 2),
            nn.Conv2d(w, 2 * w, 3, padding=1),
            nn.ReLU(True),
            nn.MaxPool2d(2, 2),
            nn.Conv2d(2 * w, 4 * w, 3, padding=1),
            nn.BatchNorm2d(4 * w),
            nn.ReLU(True),
            nn.Conv2d(4 * w, 4 * w, 3, padding=1),
            nn.ReLU(True),
            nn.MaxPool2d((2, 2), (2, 1), (0, 1)),
            nn.Conv2d(4 * w, 8 * w, 3, padding=1),
            nn.BatchNorm2d(8 * w),
            nn.ReLU(True),
            nn.Conv2d(8 * w, 8 * w, 3, padding=1),
            nn.ReLU(True),
            nn.MaxPool2d((2, 2), (2, 1), (0, 1)),
            nn.Conv2d(8 * w, 8 * w, 2),
            nn.BatchNorm2d(8 * w),
            nn.ReLU(True),
        )
        self.rnn1 = nn.LSTM(8 * w, hidden, bidirectional=True)
        self.between = nn.Linear(2 * hidden, hidden)
        self.rnn2 = nn.LSTM(hidden, hidden, bidirectional=True)
        self.fc = nn.Linear(2 * hidden, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)
        x = x.squeeze(2).permute(2, 0, 1)
        x, _ = self.rnn1(x)
        x, _ = self.rnn2(self.between(x))
        x = self.fc(x).log_softmax(2)
        return x


def crnn() -> CRNN:
    return CRNN()


def small_crnn() -> CRNN:
    return CRNN(width=2, hidden=3, num_classes=4)
