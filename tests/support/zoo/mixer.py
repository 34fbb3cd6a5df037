"""MLP-Mixer (Tolstikhin et al. 2021): perceptrons over the patches and over the channels."""

from __future__ import annotations

from torch import Tensor, nn


def perceptron(width: int, hidden: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))


class Block(nn.Module):
    def __init__(self, tokens: int, width: int, across: int, along: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.tokens = perceptron(tokens, across)
        self.norm2 = nn.LayerNorm(width)
        self.channels = perceptron(width, along)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        x = x + self.channels(self.norm2(x))
        return x


class Mixer(nn.Module):
    def __init__(
        self, image: int, patch: int, width: int, depth: int, num_classes: int = 1000
    ) -> None:
        super().__init__()
        tokens = (image // patch) ** 2
        self.patches = nn.Conv2d(3, width, kernel_size=patch, stride=patch)
        self.blocks = nn.Sequential(
            *(Block(tokens, width, width // 2, 4 * width) for _ in range(depth))
        )
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = self.norm(self.blocks(x)).mean(dim=1)
        x = self.head(x)
        return x


def mixer_b16() -> Mixer:
    return Mixer(image=224, patch=16, width=768, depth=12)


def small_mixer() -> Mixer:
    return Mixer(image=16, patch=4, width=8, depth=2, num_classes=3)
