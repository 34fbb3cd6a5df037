"""Optical flow from coarse to fine: each level refines what a transposed convolution brings."""

import torch
import torch.nn.functional as F
from torch import nn


class Pyramid(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(6, 8, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(8, 8, 3, stride=2, padding=1)
        self.conv3 = nn.Conv2d(8, 8, 3, stride=2, padding=1)

    def forward(self, x):
        first = F.leaky_relu(self.conv1(x), 0.1)
        second = F.leaky_relu(self.conv2(first), 0.1)
        return first, second, F.leaky_relu(self.conv3(second), 0.1)


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.pyramid = Pyramid()
        self.flow3 = nn.Conv2d(8, 2, 3, padding=1)
        self.up3 = nn.ConvTranspose2d(2, 2, 4, stride=2, padding=1)
        self.flow2 = nn.Conv2d(10, 2, 3, padding=1)
        self.up2 = nn.ConvTranspose2d(2, 2, 4, stride=2, padding=1)
        self.flow1 = nn.Conv2d(10, 2, 3, padding=1)
        self.up1 = nn.ConvTranspose2d(2, 2, 4, stride=2, padding=1)  # fault: unused-parameter

    def forward(self, images):
        first, second, third = self.pyramid(images)
        flow3 = self.flow3(third)
        flow2 = self.flow2(torch.cat((second, self.up3(flow3)), 1))
        return self.flow1(torch.cat((first, self.up2(flow2)), 1))


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.pyramid = Pyramid()
        self.flow3 = nn.Conv2d(8, 2, 3, padding=1)
        self.up3 = nn.ConvTranspose2d(2, 2, 4, stride=2, padding=1)
        self.flow2 = nn.Conv2d(10, 2, 3, padding=1)
        self.up2 = nn.ConvTranspose2d(2, 2, 4, stride=2, padding=1)
        self.flow1 = nn.Conv2d(10, 2, 3, padding=1)

    def forward(self, images):
        first, second, third = self.pyramid(images)
        flow3 = self.flow3(third)
        flow2 = self.flow2(torch.cat((second, self.up3(flow3)), 1))
        return self.flow1(torch.cat((first, self.up2(flow2)), 1))
