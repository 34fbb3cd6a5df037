"""Denoising by as many convolutions as transposed ones, with skips between them."""

import torch.nn.functional as F
from torch import nn


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv_first = nn.Conv2d(1, 6, 5)
        self.conv = nn.Conv2d(6, 6, 5)  # fault: accidental-sharing
        self.conv_t = nn.ConvTranspose2d(6, 6, 5)  # fault: accidental-sharing
        self.conv_t_last = nn.ConvTranspose2d(6, 1, 5)

    def forward(self, x):
        first = x
        out = F.relu(self.conv_first(x))
        out = F.relu(self.conv(out))
        second = out
        out = F.relu(self.conv(out))
        out = F.relu(self.conv(out))
        third = out
        out = F.relu(self.conv(out))
        out = self.conv_t(out)
        out = F.relu(out + third)
        out = F.relu(self.conv_t(out))
        out = self.conv_t(out)
        out = F.relu(out + second)
        out = F.relu(self.conv_t(out))
        return self.conv_t_last(out) + first


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 6, 5)
        self.conv3 = nn.Conv2d(6, 6, 5)
        self.conv4 = nn.Conv2d(6, 6, 5)
        self.conv5 = nn.Conv2d(6, 6, 5)
        self.conv_t1 = nn.ConvTranspose2d(6, 6, 5)
        self.conv_t2 = nn.ConvTranspose2d(6, 6, 5)
        self.conv_t3 = nn.ConvTranspose2d(6, 6, 5)
        self.conv_t4 = nn.ConvTranspose2d(6, 6, 5)
        self.conv_t5 = nn.ConvTranspose2d(6, 1, 5)

    def forward(self, x):
        first = x
        out = F.relu(self.conv1(x))
        out = F.relu(self.conv2(out))
        second = out
        out = F.relu(self.conv3(out))
        out = F.relu(self.conv4(out))
        third = out
        out = F.relu(self.conv5(out))
        out = self.conv_t1(out)
        out = F.relu(out + third)
        out = F.relu(self.conv_t2(out))
        out = self.conv_t3(out)
        out = F.relu(out + second)
        out = F.relu(self.conv_t4(out))
        return self.conv_t5(out) + first
