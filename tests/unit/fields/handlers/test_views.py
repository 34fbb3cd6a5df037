"""Operations that move positions about, against gradients."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import archcheck
from tests.support import oracle
from tests.support.exactness import assert_every_region
from tests.support.modules import Around


def shuffle_channels(x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    return x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


def space_to_depth(x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    x = x.view(n, c, h // 2, 2, w // 2, 2)
    return x.permute(0, 3, 5, 1, 2, 4).reshape(n, c * 4, h // 2, w // 2)


def focus(x: Tensor) -> Tensor:
    return torch.cat(
        [x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]], 1
    )


def windows(x: Tensor) -> Tensor:
    """Attention without its softmax inside windows of 4x4, shifted by two."""
    n, c, h, w = x.shape
    x = torch.roll(x, (-2, -2), (2, 3))
    t = x.view(n, c, h // 4, 4, w // 4, 4).permute(0, 2, 4, 3, 5, 1).reshape(-1, 16, c)
    t = (t @ t.transpose(1, 2)) @ t
    t = t.view(n, h // 4, w // 4, 4, 4, c).permute(0, 5, 1, 3, 2, 4).reshape(n, c, h, w)
    return torch.roll(t, (2, 2), (2, 3))


def axial(x: Tensor) -> Tensor:
    rows = x.permute(0, 2, 3, 1)
    return F.scaled_dot_product_attention(rows, rows, rows).permute(0, 3, 1, 2)


def unfold_and_fold(x: Tensor) -> Tensor:
    columns = F.unfold(x, (3, 2), padding=(1, 0), stride=(2, 1), dilation=(1, 2))
    return F.fold(columns, x.shape[-2:], (3, 2), padding=(1, 0), stride=(2, 1), dilation=(1, 2))


def gate(x: Tensor) -> Tensor:
    return x * torch.sigmoid(x.mean((2, 3), keepdim=True))


def tokens(x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    return F.gelu(x.flatten(2).transpose(1, 2)).transpose(1, 2).reshape(n, c, h, w)


CASES: dict[str, tuple[Callable[[Tensor], Tensor], int]] = {
    "channel shuffle": (shuffle_channels, 4),
    "space to depth by views": (space_to_depth, 16),
    "space to depth by slices": (focus, 16),
    "pixel unshuffle": (lambda x: F.pixel_unshuffle(x, 2), 16),
    "pixel shuffle": (lambda x: F.pixel_shuffle(x, 2), 1),
    "shifted windows": (windows, 4),
    "axial attention": (axial, 4),
    "unfold and fold": (unfold_and_fold, 4),
    "Tensor.unfold": (lambda x: x.unfold(2, 3, 2).sum(-1), 4),
    "gate": (gate, 4),
    "tokens": (tokens, 4),
    "einsum over width": (lambda x: torch.einsum("nchw,nchv->nchv", x, x), 4),
    "einsum of channels": (
        lambda x: torch.einsum("nchw,oc->nohw", x, torch.ones(3, 4).double()),
        3,
    ),
    "repeat": (lambda x: x.repeat(1, 1, 2, 1), 4),
    "repeat_interleave": (lambda x: x.repeat_interleave(3, dim=3), 4),
    "flip": (lambda x: x.flip(2), 4),
    "roll": (lambda x: torch.roll(x, 3, 3), 4),
    "circular pad": (lambda x: F.pad(x, (2, 1, 0, 3), mode="circular"), 4),
    "reflect pad": (lambda x: F.pad(x, (2, 1, 0, 3), mode="reflect"), 4),
    "transpose of the axes": (lambda x: x.transpose(2, 3), 4),
    "cumulative sum": (lambda x: x.cumsum(3).flip(3).cumsum(3), 4),
    "stack and index": (lambda x: torch.stack([x, x.flip(3)], 2)[:, :, 1], 4),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("shape", [(2, 8, 8), (2, 8, 12)])
def test_every_unit_s_actual_field_equals_its_gradient(
    name: str, shape: tuple[int, int, int]
) -> None:
    function, inside = CASES[name]
    model = Around(function, inside).double()
    field = archcheck.receptive_field(archcheck.trace(model, shape)).at("output")
    low, high = oracle.actual_fields_all(model, shape)
    assert field.shape == low.shape[1:]
    for unit in np.ndindex(*field.shape):
        for axis, hull in enumerate(field.actual(unit)):
            expected = (int(low[(axis, *unit)]), int(high[(axis, *unit)]))
            assert hull == (expected if expected[1] >= 0 else None), (unit, axis)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("shape", [(2, 8, 8), (2, 8, 12)])
def test_views_are_followed_to_the_position(name: str, shape: tuple[int, ...]) -> None:
    function, inside = CASES[name]
    assert_every_region(Around(function, inside).double(), shape)


def test_what_is_not_modelled_is_said_with_its_line() -> None:
    model = Around(lambda x: torch.linalg.matrix_exp(x))
    rf = archcheck.receptive_field(archcheck.trace(model, (2, 8, 8)))
    with pytest.raises(archcheck.UnknownField, match=r"matrix_exp.* \(.*test_views\.py"):
        rf.at("output")
    assert rf.at("before").size == (3, 3)


def write_channels(x: Tensor) -> Tensor:
    y = x.clone()
    y[:, :2] = x[:, 2:].flip(3)
    y[:, 3, 1] = 0
    return y


def write_region(x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    y[..., 2:5, 1:-1] = x[..., :3, 2:]
    return y


CASES["write channels"] = (write_channels, 4)
CASES["write a region"] = (write_region, 4)
CASES["an empty slice"] = (lambda x: x + x[:, :, :0].sum((2, 3), keepdim=True), 4)
CASES["in place"] = (lambda x: x.clone().relu_().mul_(2).add_(x), 4)


class Masked(nn.Module):
    """Scores with a constant mask added."""

    mask: Tensor

    def __init__(self, mask: Tensor) -> None:
        super().__init__()
        self.register_buffer("mask", mask)
        self.conv = nn.Conv2d(2, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        if self.mask.dtype == torch.bool:
            return x.masked_fill(self.mask, float("-inf")).softmax(3)
        return (x + self.mask).softmax(3)


@pytest.mark.parametrize(
    ("value", "reason"),
    [(float("-inf"), "masked throughout"), (True, "nothing of the input reaches output")],
)
def test_a_softmax_over_nothing_is_not_known(value: float | bool, reason: str) -> None:
    rf = archcheck.receptive_field(archcheck.trace(Masked(torch.full((8, 8), value)), (2, 8, 8)))
    with pytest.raises(archcheck.UnknownField, match=reason):
        rf.at("output")


def test_a_constant_addend_is_no_mask() -> None:
    rf = archcheck.receptive_field(archcheck.trace(Masked(torch.full((8, 8), 0.5)), (2, 8, 8)))
    assert rf.at("conv").size == (3, 3)
    assert rf.at("output").size == (3, 10)


def test_a_map_may_be_empty() -> None:
    class Nothing(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x[:, :, :0]

    field = archcheck.receptive_field(archcheck.trace(Nothing(), (2, 8, 8))).at("output")
    assert field.size == (0, 0)
