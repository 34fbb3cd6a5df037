"""The exact sets of units behind masked attention, where tokens stand in rows and columns."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.support.exactness import assert_every_region, field_of

HIGH, WIDE = 5, 4


def near(reach: int) -> Tensor:
    """Which pairs of positions are at most so many steps apart, along rows and columns."""
    index = torch.arange(HIGH * WIDE)
    y, x = index // WIDE, index % WIDE
    return (y[:, None] - y).abs() + (x[:, None] - x).abs() <= reach


def softmax(t: Tensor, mask: Tensor) -> Tensor:
    scores = (t @ t.transpose(1, 2)).masked_fill(~mask, float("-inf"))
    y: Tensor = scores.softmax(-1) @ t
    return y


def added(t: Tensor, mask: Tensor) -> Tensor:
    scores = torch.einsum("bqc,bkc->bqk", t, t) + (~mask).to(t.dtype) * -100.0
    return torch.einsum("bqk,bkc->bqc", scores.softmax(-1), t)


def given(t: Tensor, mask: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(t, t, t, attn_mask=mask)


def causal(t: Tensor, mask: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(t, t, t, is_causal=True)


class Attention(nn.Module):
    """Tokens of a map attend to some of the others."""

    def __init__(self, attend: Callable[[Tensor, Tensor], Tensor], reach: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, stride=2, padding=1)
        self.attend = attend
        self.register_buffer("mask", near(reach))

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        assert isinstance(self.mask, Tensor)
        y = self.attend(x.flatten(2).transpose(1, 2), self.mask)
        return y.transpose(1, 2).reshape(x.shape)


class Heads(nn.Module):
    """The same by nn.MultiheadAttention, tokens first."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2).permute(2, 0, 1)
        y, _ = self.attention(tokens, tokens, tokens, attn_mask=~near(1), need_weights=False)
        z: Tensor = y.permute(1, 2, 0).reshape(x.shape)
        return z


class Running(nn.Module):
    """Sums over all tokens before, row by row."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(2).cumsum(2).reshape(x.shape)


class Scattered(nn.Module):
    """Tokens added up where a constant index says."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.conv(x).flatten(2)
        index = torch.arange(HIGH * WIDE) * 7 % 6
        y: Tensor = torch.zeros(1, 2, 6, dtype=x.dtype).index_add(2, index, tokens)
        return y


CASES: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "masked scores": (Attention(softmax), (2, 10, 8)),
    "added to scores": (Attention(added, 2), (2, 9, 7)),
    "a mask of booleans": (Attention(given, 2), (2, 10, 8)),
    "causal, row by row": (Attention(causal), (2, 10, 8)),
    "heads": (Heads(), (4, HIGH, WIDE)),
    "running sums": (Running(), (2, HIGH, WIDE)),
    "scattered": (Scattered(), (2, HIGH, WIDE)),
}


@pytest.mark.parametrize("name", CASES)
def test_sets_equal_the_gradients(name: str) -> None:
    field = assert_every_region(*CASES[name])
    found = [field.unit(unit).actual.is_product for unit in np.ndindex(*field.shape)]
    assert not all(found)


@pytest.mark.parametrize("name", CASES)
def test_inside_the_image_the_theoretical_set_is_the_actual_one(name: str) -> None:
    field = field_of(*CASES[name])
    for unit in np.ndindex(*field.shape):
        both = field.unit(unit)
        assert np.array_equal(both.theoretical.within().mask(), both.actual.mask())
