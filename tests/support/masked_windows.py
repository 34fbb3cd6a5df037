"""Windows with masks as Swin has them (Liu et al. 2021), in the spellings that people use."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

IMAGE = (2, 16, 12)


def partition(x: Tensor, size: int) -> Tensor:
    b, h, w, c = x.shape
    x = x.view(b, h // size, size, w // size, size, c)
    return x.permute(0, 1, 3, 2, 4, 5).contiguous().view(-1, size * size, c)


def reverse(windows: Tensor, size: int, h: int, w: int) -> Tensor:
    x = windows.view(-1, h // size, w // size, size, size, windows.shape[-1])
    return x.permute(0, 1, 3, 2, 4, 5).contiguous().view(-1, h, w, windows.shape[-1])


def shifted_mask(h: int, w: int, size: int, shift: int) -> Tensor:
    """The mask of Swin: windows at the border hold parts that did not lie side by side."""
    image = torch.zeros((1, h, w, 1))
    stretches = (slice(0, -size), slice(-size, -shift), slice(-shift, None))
    count = 0
    for rows in stretches:
        for columns in stretches:
            image[:, rows, columns, :] = count
            count += 1
    windows = partition(image, size).view(-1, size * size)
    mask = windows.unsqueeze(1) - windows.unsqueeze(2)
    return mask.masked_fill(mask != 0, -100.0).masked_fill(mask == 0, 0.0)


class WindowAttention(nn.Module):
    """Attention inside windows, with a bias by relative position and a mask."""

    relative_position_index: Tensor

    def __init__(self, dim: int, size: int, heads: int, spelling: str) -> None:
        super().__init__()
        self.heads, self.scale, self.spelling = heads, (dim // heads) ** -0.5, spelling
        self.qkv = nn.Linear(dim, dim * 3)
        self.proj = nn.Linear(dim, dim)
        self.table = nn.Parameter(torch.zeros((2 * size - 1) ** 2, heads))
        axes = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
        places = torch.flatten(torch.stack(axes), 1)
        relative = (places[:, :, None] - places[:, None, :]).permute(1, 2, 0).contiguous()
        relative += size - 1
        relative[:, :, 0] *= 2 * size - 1
        self.register_buffer("relative_position_index", relative.sum(-1))

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        b, n, c = x.shape
        qkv = self.qkv(x).reshape(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        bias = self.table[self.relative_position_index.view(-1)].view(n, n, -1)
        bias = bias.permute(2, 0, 1).contiguous().unsqueeze(0)
        if self.spelling == "sdpa":
            if mask is not None:
                bias = bias + mask.repeat(b // len(mask), 1, 1).unsqueeze(1)
            x = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        else:
            attn = (q * self.scale) @ k.transpose(-2, -1) + bias
            if mask is not None:
                nw = mask.shape[0]
                attn = attn.view(b // nw, nw, self.heads, n, n)
                if self.spelling == "boolean":
                    attn = attn.masked_fill(mask.unsqueeze(1).unsqueeze(0) != 0, float("-inf"))
                elif self.spelling == "where":
                    low = torch.finfo(attn.dtype).min
                    attn = torch.where(mask.unsqueeze(1).unsqueeze(0) == 0, attn, low)
                else:
                    attn = attn + mask.unsqueeze(1).unsqueeze(0)
                attn = attn.view(-1, self.heads, n, n)
            attn = F.dropout(attn.softmax(dim=-1), 0.1, self.training)
            x = torch.einsum("bhqk,bhkc->bhqc", attn, v) if self.spelling == "where" else attn @ v
        projected: Tensor = self.proj(x.transpose(1, 2).reshape(b, n, c))
        return projected


class SwinBlock(nn.Module):
    """A block of Swin (Liu et al. 2021) behind a convolution."""

    mask: Tensor | None

    def __init__(self, spelling: str, shift: int = 2, mask: str = "buffer") -> None:
        super().__init__()
        self.size, self.shift, self.made = 4, shift, mask
        self.stem = nn.Conv2d(2, 4, 3, padding=1)
        self.norm1, self.norm2 = nn.LayerNorm(4), nn.LayerNorm(4)
        self.attn = WindowAttention(4, 4, 2, spelling)
        self.mlp = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 4))
        held = shifted_mask(*IMAGE[1:], 4, shift) if shift and mask == "buffer" else None
        self.register_buffer("mask", held)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).permute(0, 2, 3, 1)
        _, h, w, _ = x.shape
        shortcut, mask = x, self.mask
        x = self.norm1(x)
        if self.shift:
            x = torch.roll(x, shifts=(-self.shift, -self.shift), dims=(1, 2))
            if self.made == "forward":
                mask = shifted_mask(h, w, self.size, self.shift).to(x)
            elif self.made == "new_zeros":
                mask = self.mask_as_torchvision_makes_it(x)
        x = reverse(self.attn(partition(x, self.size), mask), self.size, h, w)
        if self.shift:
            x = torch.roll(x, shifts=(self.shift, self.shift), dims=(1, 2))
        x = shortcut + x
        x = x + self.mlp(self.norm2(x))
        return x.permute(0, 3, 1, 2)

    def mask_as_torchvision_makes_it(self, x: Tensor) -> Tensor:
        h, w, size, shift = x.shape[1], x.shape[2], self.size, self.shift
        mask = x.new_zeros((h, w))
        count = 0
        stretches = ((0, -size), (-size, -shift), (-shift, None))
        for rows in stretches:
            for columns in stretches:
                mask[rows[0] : rows[1], columns[0] : columns[1]] = count
                count += 1
        mask = mask.view(h // size, size, w // size, size)
        mask = mask.permute(0, 2, 1, 3).reshape(-1, size * size)
        mask = mask.unsqueeze(1) - mask.unsqueeze(2)
        return mask.masked_fill(mask != 0, -100.0).masked_fill(mask == 0, 0.0)
