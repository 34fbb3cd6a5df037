"""A head for the masks of regions: convolutions, the second of them dilated, then upsampling."""

import torch.nn.functional as F
from torch import nn

DILATION = 3


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(6, 6, 3, padding=1)
        self.conv2 = nn.Conv2d(6, 6, 3, padding=DILATION)  # fault: padding-only-output
        self.up = nn.ConvTranspose2d(6, 6, 2, stride=2)
        self.mask = nn.Conv2d(6, 4, 1)

    def forward(self, x):
        x = F.relu(self.conv2(F.relu(self.conv1(x))))
        return self.mask(F.relu(self.up(x)))


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(6, 6, 3, padding=1)
        self.conv2 = nn.Conv2d(6, 6, 3, padding=DILATION, dilation=DILATION)
        self.up = nn.ConvTranspose2d(6, 6, 2, stride=2)
        self.mask = nn.Conv2d(6, 4, 1)

    def forward(self, x):
        x = F.relu(self.conv2(F.relu(self.conv1(x))))
        return self.mask(F.relu(self.up(x)))
