"""A generator with weight normalisation and a discriminator with spectral normalisation, after
DCGAN (Radford et al. 2016) and SN-GAN (Miyato et al. 2018)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm, weight_norm


class Discriminator(nn.Module):
    """4x4 convolutions with stride 2; the last one looks at what is left."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.body = nn.Sequential(
            spectral_norm(nn.Conv2d(3, width, 4, stride=2, padding=1, bias=False)),
            nn.LeakyReLU(0.2, inplace=True),
            spectral_norm(nn.Conv2d(width, 2 * width, 4, stride=2, padding=1, bias=False)),
            nn.InstanceNorm2d(2 * width, affine=True),
            nn.LeakyReLU(0.2, inplace=True),
        )
        self.last = spectral_norm(nn.Conv2d(2 * width, 1, 4, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.last(self.body(x)))


class Upscaler(nn.Module):
    """A generator that takes an image: transposed convolutions, weights normalised."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.body = nn.Sequential(
            weight_norm(nn.Conv2d(3, width, 3, padding=1, padding_mode="reflect")),
            nn.ELU(),
            weight_norm(nn.ConvTranspose2d(width, width, 4, stride=2, padding=1)),
            nn.GroupNorm(2, width),
            nn.ELU(),
            weight_norm(nn.ConvTranspose2d(width, 3, 3, stride=2, padding=1, output_padding=1)),
            nn.Tanh(),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.body(x)
        return x


def discriminator() -> Discriminator:
    return Discriminator()


def upscaler() -> Upscaler:
    return Upscaler()
