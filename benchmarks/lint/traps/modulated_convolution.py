"""A kernel for each sample: the batch becomes groups of one convolution, as in StyleGAN2."""

import torch
import torch.nn.functional as F
from torch import nn


class Modulated(nn.Module):
    def __init__(self, before, width):
        super().__init__()
        self.style = nn.Linear(6, before)
        self.weight = nn.Parameter(torch.randn(width, before, 3, 3))

    def forward(self, x, code):
        b, channels, height, width = x.shape
        weight = self.weight[None] * self.style(code)[:, None, :, None, None]
        weight = weight * torch.rsqrt(weight.square().sum((2, 3, 4), keepdim=True) + 1e-8)
        x = x.reshape(1, b * channels, height, width)
        x = F.conv2d(x, weight.flatten(0, 1), padding=1, groups=b)
        return x.reshape(b, -1, height, width)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.mapping = nn.Sequential(nn.Linear(5, 6), nn.LeakyReLU(0.2))
        self.start = nn.Parameter(torch.randn(1, 8, 4, 4))
        self.first = Modulated(8, 8)
        self.second = Modulated(8, 8)
        self.picture = nn.Conv2d(8, 3, 1)

    def forward(self, noise):
        code = self.mapping(noise)
        x = self.start.expand(noise.shape[0], -1, -1, -1)
        x = F.leaky_relu(self.first(x, code), 0.2)
        x = F.interpolate(x, scale_factor=2, mode="bilinear")
        x = F.leaky_relu(self.second(x, code), 0.2)
        return self.picture(x)
