"""A vision transformer (Dosovitskiy et al. 2021): attention as a module, as torch's function, or
written out."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn


class FunctionalAttention(nn.Module):
    """Self-attention by scaled_dot_product_attention; all three projections in one layer."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, tokens, width = x.shape
        parts = self.qkv(x).reshape(batch, tokens, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        y: torch.Tensor = F.scaled_dot_product_attention(query, key, value)
        y = self.proj(y.transpose(1, 2).reshape(batch, tokens, width))
        return y


class HandwrittenAttention(FunctionalAttention):
    """The same by two matrix products and a softmax."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, tokens, width = x.shape
        parts = self.qkv(x).reshape(batch, tokens, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        scores = query @ key.transpose(-2, -1) * (width // self.heads) ** -0.5
        y: torch.Tensor = scores.softmax(dim=-1) @ value
        y = self.proj(y.transpose(1, 2).reshape(batch, tokens, width))
        return y


class ModuleAttention(nn.Module):
    """The same by nn.MultiheadAttention."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.attention(x, x, x, need_weights=False)[0]
        return y


class Block(nn.Module):
    def __init__(self, width: int, attention: nn.Module, ratio: int = 2) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = attention
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, ratio * width),
            nn.GELU(),
            nn.Linear(ratio * width, width),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attention(self.norm1(x))
        x = x + self.mlp(self.norm2(x))
        return x


class ViT(nn.Module):
    """Patches, a class token, positions, encoder blocks; the class token alone is classified."""

    def __init__(
        self,
        num_classes: int = 10,
        image: int = 32,
        patch: int = 8,
        width: int = 32,
        heads: int = 4,
        depth: int = 2,
        ratio: int = 2,
        attention: Callable[[int, int], nn.Module] = ModuleAttention,
    ) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, kernel_size=patch, stride=patch)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.zeros(1, (image // patch) ** 2 + 1, width))
        self.blocks = nn.Sequential(
            *(Block(width, attention(width, heads), ratio) for _ in range(depth))
        )
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], dim=1)
        x = self.blocks(x + self.positions)
        x = self.head(self.norm(x[:, 0]))
        return x


def vit(num_classes: int = 10) -> ViT:
    """With nn.MultiheadAttention."""
    return ViT(num_classes)


def functional_vit(num_classes: int = 10) -> ViT:
    """With scaled_dot_product_attention."""
    return ViT(num_classes, attention=FunctionalAttention)


def handwritten_vit(num_classes: int = 10) -> ViT:
    """With matrix products and a softmax."""
    return ViT(num_classes, attention=HandwrittenAttention)


def vit_b16(num_classes: int = 1000) -> ViT:
    return ViT(num_classes, 224, 16, 768, 12, 12, ratio=4)


def deit_tiny(num_classes: int = 1000) -> ViT:
    """DeiT-Ti (Touvron et al. 2021) without distillation."""
    return ViT(num_classes, 224, 16, 192, 3, 12, ratio=4, attention=HandwrittenAttention)
