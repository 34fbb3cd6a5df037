"""A spectrogram's map becomes a series over time for an LSTM, which gives a mask of it."""

import torch
import torch.nn.functional as F
from torch import nn


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(2, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 4, 1)
        self.lstm = nn.LSTM(4 * 9, 10, batch_first=True, bidirectional=True)
        self.mask = nn.Linear(20, 2 * 9)

    def forward(self, x):
        found = F.relu(self.conv2(F.relu(self.conv1(x))))
        b, channels, time, frequency = found.shape
        found = found.view(b, channels * frequency, time)  # fault: axis-reinterpretation
        found, _ = self.lstm(found.transpose(1, 2))
        mask = torch.sigmoid(self.mask(found))
        return x * mask.view(b, time, 2, frequency).transpose(1, 2)


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(2, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 4, 1)
        self.lstm = nn.LSTM(4 * 9, 10, batch_first=True, bidirectional=True)
        self.mask = nn.Linear(20, 2 * 9)

    def forward(self, x):
        found = F.relu(self.conv2(F.relu(self.conv1(x))))
        b, channels, time, frequency = found.shape
        found = found.transpose(2, 3).reshape(b, channels * frequency, time)
        found, _ = self.lstm(found.transpose(1, 2))
        mask = torch.sigmoid(self.mask(found))
        return x * mask.view(b, time, 2, frequency).transpose(1, 2)
