"""Constant masks cut paths: windows, causal and local attention, against gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import archcheck
from archcheck.network import decode, encode
from tests.support.exactness import assert_every_unit, assert_theoretical, traced
from tests.support.masked_tokens import ATTENTION, Tokens, causal, low, near, sdpa
from tests.support.masked_windows import IMAGE, SwinBlock, shifted_mask
from tests.support.modules import MultiHead

Shape = tuple[int, ...]


@pytest.mark.parametrize("spelling", ["added", "boolean", "where", "sdpa"])
@pytest.mark.parametrize("shift", [0, 2, 1])
def test_a_swin_block_is_exact(spelling: str, shift: int) -> None:
    field = assert_every_unit(SwinBlock(spelling, shift).double(), IMAGE)
    assert not field.is_global


@pytest.mark.parametrize("made", ["forward", "new_zeros"])
def test_a_mask_made_in_forward_is_read(made: str) -> None:
    model = nn.Sequential(SwinBlock("added", 2, made), nn.Conv2d(4, 2, 3, padding=1))
    assert_every_unit(model, IMAGE)
    field = assert_theoretical(model, IMAGE, phases=4)
    assert not field.is_global


def test_two_blocks_of_swin_are_exact() -> None:
    model = nn.Sequential(
        SwinBlock("added", 0), nn.Conv2d(4, 2, 1), SwinBlock("added", 2, "forward")
    )
    assert_every_unit(model, IMAGE)
    assert_theoretical(model, IMAGE, phases=4)


# -- masks over all tokens --------------------------------------------------------------------


@pytest.mark.parametrize("dims", [1, 2])
@pytest.mark.parametrize("name", ATTENTION)
def test_a_mask_over_all_tokens_is_exact(name: str, dims: int) -> None:
    shape = (2, 12) if dims == 1 else (2, 4, 4)
    assert_every_unit(Tokens(ATTENTION[name], dims), shape)


def test_causal_attention_is_global_and_a_neighbourhood_is_not() -> None:
    field = assert_every_unit(Tokens(ATTENTION["sdpa, causal"]), (2, 16))
    assert (field.is_global, field.size, field.local) == (True, (18,), (5,))
    _, field = traced(Tokens(ATTENTION["sdpa, added"]).double(), (2, 16))
    # Two to either side in the attention, one in each of two convolutions.
    assert (field.is_global, field.size) == (False, (9,))


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize(
    "masks",
    [
        {},
        {"attn_mask": ~causal(8)},
        {"attn_mask": low(near(8))},
        {"attn_mask": ~causal(8), "is_causal": True},
        {"attn_mask": torch.stack([~causal(8), ~near(8)]), "need_weights": False},
        {"key_padding_mask": torch.arange(8)[None] > 5},
        {"key_padding_mask": torch.arange(8)[None] > 5, "attn_mask": ~near(8, 3)},
    ],
)
def test_masks_of_multi_head_attention(batch_first: bool, masks: dict[str, Any]) -> None:
    assert_every_unit(MultiHead(batch_first=batch_first, **masks), (2, 8))


# -- what is no mask, and what is not known ---------------------------------------------------


class Scores(nn.Module):
    """A convolution's output changed before a softmax."""

    def __init__(self, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1)
        self.weight = nn.Parameter(torch.full((8, 8), -1000.0))
        self.means = torch.tensor([123.7, 116.8]).view(2, 1, 1).double()
        self.change = change

    def forward(self, x: Tensor) -> Tensor:
        return self.change(self.conv(x))


def test_a_mean_taken_off_is_no_mask() -> None:
    model = Scores(lambda x: x)
    model.change = lambda x: F.relu(x - model.means)
    field = assert_every_unit(model, (2, 8, 8))
    assert field.size == (3, 3)


def test_a_bias_that_is_a_weight_masks_nothing() -> None:
    model = Scores(lambda x: x)
    model.change = lambda x: (x + model.weight).softmax(3)
    _, field = traced(model, (2, 8, 8))
    assert field.size == (3, 10)


@pytest.mark.parametrize(
    "change",
    [
        lambda x: sdpa(x, x, x, x > 0),
        lambda x: (x + torch.full((8, 8), float("-inf"))).softmax(3),
    ],
)
def test_masks_that_say_nothing_certain_are_not_guessed(change: Callable[[Tensor], Tensor]) -> None:
    rf = archcheck.receptive_field(archcheck.trace(Scores(change), (2, 8, 8)))
    with pytest.raises(archcheck.UnknownField, match=r"mask.*test_masking\.py"):
        rf.at("output")


def test_behind_a_mask_that_closes_everything_nothing_of_the_input_is_left() -> None:
    model = Scores(lambda x: x.masked_fill(torch.ones(8, 8).bool(), float("-inf")).softmax(3))
    rf = archcheck.receptive_field(archcheck.trace(model, (2, 8, 8)))
    with pytest.raises(archcheck.UnknownField, match="nothing of the input reaches output"):
        rf.at("output")


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.masked_fill(torch.arange(8) > 4, 0.0),
        lambda x: x.masked_fill(torch.arange(8)[:, None] % 3 == 0, 7.0),
        lambda x: torch.where(causal(8), x, torch.zeros_like(x)),
        lambda x: torch.where(causal(8), x, x.flip(3)),
        lambda x: torch.where(causal(8), 0.0, x.flip(2)) + x.triu(2),
        lambda x: F.relu(x.tril(-1)),
    ],
)
def test_what_is_filled_depends_on_nothing(change: Callable[[Tensor], Tensor]) -> None:
    model = nn.Sequential(Scores(change), nn.Conv2d(2, 2, (3, 1), padding=(1, 0)))
    assert_every_unit(model, (2, 8, 8))


def test_a_mask_that_cannot_be_read_is_not_guessed() -> None:
    """On the meta device there are no values: what is added in front of a softmax may be a mask."""
    with torch.device("meta"):
        model = SwinBlock("added", 2)
    rf = archcheck.receptive_field(archcheck.trace(model, IMAGE))
    with pytest.raises(archcheck.UnknownField, match="values were not read"):
        rf.at("output")
    assert rf.at("stem").size == (3, 3)


def test_a_bias_on_the_meta_device_is_no_mask() -> None:
    with torch.device("meta"):
        model = SwinBlock("added", 0)
    field = archcheck.receptive_field(archcheck.trace(model, IMAGE)).at("output")
    assert (field.size, field.is_global) == ((6, 6), False)


def test_constants_are_kept_small_and_survive_the_wire() -> None:
    network = archcheck.trace(SwinBlock("added", 2), (2, 16, 12))
    again = decode(encode(network))
    assert again.constants == network.constants
    (mask,) = (constant for constant in network.constants if constant.kind == "low")
    assert mask.values.shape == (1, 12, 1, 16, 16)
    expected = (shifted_mask(16, 12, 4, 2) <= -100).numpy()
    assert (mask.values[0, :, 0] == expected).all()
    assert len(mask.data) < 500


def test_the_border_of_a_mask_is_taken_for_padding() -> None:
    """Windows at the border are closed in part; on an endless image all are like the open one."""
    field = archcheck.receptive_field(archcheck.trace(SwinBlock("added", 2), IMAGE)).at("output")
    assert (field.size, field.smallest, field.jump) == ((6, 6), (6, 6), (1, 1))
    assert field.actual((0, 0)) == ((0, 2), (0, 2))
    assert field.actual((8, 8)) == ((5, 10), (5, 10))
