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
from tests.exactness import assert_every_unit, assert_theoretical, traced

IMAGE = (2, 16, 12)
Shape = tuple[int, ...]


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


class Tokens(nn.Module):
    """Attention over all positions, as a function of queries, keys and values."""

    def __init__(self, attend: Callable[[Tensor, Tensor, Tensor], Tensor], dims: int = 1) -> None:
        super().__init__()
        conv = nn.Conv1d if dims == 1 else nn.Conv2d
        self.stem = conv(2, 4, 3, padding=1)
        self.qkv = nn.Linear(4, 12)
        self.last = conv(4, 2, 3, padding=1)
        self.attend = attend

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        sides = x.shape[2:]
        q, k, v = self.qkv(x.flatten(2).transpose(1, 2)).chunk(3, dim=-1)
        out = self.attend(q, k, v).transpose(1, 2)
        last: Tensor = self.last(out.reshape(*out.shape[:2], *sides))
        return last


def causal(n: int) -> Tensor:
    return torch.tril(torch.ones(n, n, dtype=torch.bool))


def near(n: int, reach: int = 2) -> Tensor:
    places = torch.arange(n)
    return (places[:, None] - places[None, :]).abs() <= reach


def low(open_: Tensor, value: float = float("-inf")) -> Tensor:
    return torch.zeros(open_.shape, dtype=torch.double).masked_fill(~open_, value)


def plain(q: Tensor, k: Tensor, v: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    return change(q @ k.transpose(-2, -1) / 2).softmax(-1) @ v


def written(s: Tensor) -> Tensor:
    s = s.clone()
    s[:, ~causal(s.shape[-1])] = float("-inf")
    return s


def heads(t: Tensor) -> Tensor:
    """Tokens of four features as two heads of two."""
    return t.view(*t.shape[:2], 2, 2).transpose(1, 2)


sdpa = F.scaled_dot_product_attention
Attend = Callable[[Tensor, Tensor, Tensor], Tensor]
ATTENTION: dict[str, Attend] = {
    "sdpa, causal": lambda q, k, v: sdpa(q, k, v, is_causal=True),
    "sdpa, boolean": lambda q, k, v: sdpa(q, k, v, causal(q.shape[1])),
    "sdpa, added": lambda q, k, v: sdpa(q, k, v, low(near(q.shape[1]))),
    "sdpa, low": lambda q, k, v: sdpa(q, k, v, attn_mask=low(near(q.shape[1]), -1e9)),
    "sdpa, new_ones": lambda q, k, v: sdpa(
        q, k, v, q.new_ones(q.shape[1], q.shape[1]).tril().bool()
    ),
    "masked_fill": lambda q, k, v: plain(
        q, k, v, lambda s: s.masked_fill(~near(s.shape[-1]), float("-inf"))
    ),
    "masked_fill_": lambda q, k, v: plain(
        q, k, v, lambda s: s.masked_fill_(torch.ones_like(s, dtype=torch.bool).triu(1), -1e9)
    ),
    "where": lambda q, k, v: plain(q, k, v, lambda s: torch.where(causal(s.shape[-1]), s, -1e4)),
    "where, a tensor": lambda q, k, v: plain(
        q, k, v, lambda s: s.where(near(s.shape[-1]), torch.full([], -1e9).double())
    ),
    "added": lambda q, k, v: plain(q, k, v, lambda s: s + low(near(s.shape[-1]), -100.0)),
    "added by iadd": lambda q, k, v: plain(
        q, k, v, lambda s: s.add_(torch.full_like(s[0], float("-inf")).triu(1))
    ),
    "subtracted": lambda q, k, v: plain(
        q, k, v, lambda s: s - 1e9 * (~near(s.shape[-1], 1)).double()
    ),
    "subtracted from": lambda q, k, v: plain(
        q, k, v, lambda s: low(causal(s.shape[-1]), -1e9) - (-s)
    ),
    "multiplied and added": lambda q, k, v: plain(
        q, k, v, lambda s: s + (1.0 - causal(s.shape[-1]).double()) * -10000.0
    ),
    "two masks": lambda q, k, v: plain(
        q,
        k,
        v,
        lambda s: (s + low(near(s.shape[-1], 3))).masked_fill(~causal(s.shape[-1]), -1e9),
    ),
    "scaled behind the mask": lambda q, k, v: plain(
        q, k, v, lambda s: (s + low(near(s.shape[-1]), -1e9)) / 2.0 * 3
    ),
    "written": lambda q, k, v: plain(q, k, v, written),
    "triangle of weights": lambda q, k, v: (q @ k.transpose(1, 2)).tril() @ v,
    "zeros behind the softmax": lambda q, k, v: (
        plain(q, k, torch.eye(q.shape[1]).double()[None], lambda s: s).masked_fill(
            ~near(q.shape[1]), 0.0
        )
        @ v
    ),
    "renormalised": lambda q, k, v: (lambda a: (a / a.sum(-1, keepdim=True)) @ v)(
        plain(q, k, torch.eye(q.shape[1]).double()[None], lambda s: s).tril()
    ),
    "einsum": lambda q, k, v: torch.einsum(
        "...ij,...jd->...id",
        (torch.einsum("bid,bjd->bij", q, k) + low(near(q.shape[1]))).softmax(-1),
        v,
    ),
    "bmm": lambda q, k, v: torch.bmm(
        F.dropout(
            torch.baddbmm(low(causal(q.shape[1])).unsqueeze(0), q, k.transpose(1, 2)).softmax(-1),
            0.5,
            False,
        ),
        v,
    ),
    "the sum of products": lambda q, k, v: (
        ((q @ k.transpose(1, 2)) + low(near(q.shape[1]))).softmax(-1).unsqueeze(-1) * v.unsqueeze(1)
    ).sum(2),
    "keys first": lambda q, k, v: (
        (
            (k @ q.transpose(1, 2)).masked_fill(~causal(q.shape[1]).T, float("-inf")).softmax(1)
        ).transpose(1, 2)
        @ v
    ),
    "heads": lambda q, k, v: (
        sdpa(heads(q), heads(k), heads(v), low(near(q.shape[1]))).transpose(1, 2).flatten(2)
    ),
    "a mask for each head": lambda q, k, v: (
        sdpa(
            heads(q),
            heads(k),
            heads(v),
            torch.stack([near(q.shape[1], 1), causal(q.shape[1])]),
        )
        .transpose(1, 2)
        .flatten(2)
    ),
    "grouped queries": lambda q, k, v: (
        sdpa(
            heads(q),
            k[:, None, :, :2],
            v[:, None, :, 2:],
            is_causal=True,
            enable_gqa=True,
        )
        .transpose(1, 2)
        .flatten(2)
    ),
    "fewer keys": lambda q, k, v: sdpa(q, k[:, ::2], v[:, ::2], near(q.shape[1])[:, ::2]),
    "blocks": lambda q, k, v: sdpa(
        q, k, v, torch.kron(torch.eye(q.shape[1] // 4), torch.ones(4, 4)).bool()
    ),
    "rows that are low throughout": lambda q, k, v: sdpa(
        q, k, v, (torch.arange(q.shape[1]) > 3)[:, None].double() * -1000.0
    ),
}


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


class MultiHead(nn.Module):
    """nn.MultiheadAttention with masks."""

    def __init__(self, *, batch_first: bool = True, **masks: Any) -> None:
        super().__init__()
        self.first, self.masks = batch_first, masks
        self.stem = nn.Conv1d(2, 4, 3, padding=1)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=batch_first)

    def forward(self, x: Tensor) -> Tensor:
        order = (0, 2, 1) if self.first else (2, 0, 1)
        x = self.stem(x).permute(order)
        y: Tensor = self.attention(x, x, x, **self.masks)[0]
        return y.transpose(1, 2) if self.first else y.permute(1, 2, 0)


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
        lambda x: x.masked_fill(torch.ones(8, 8).bool(), float("-inf")).softmax(3),
    ],
)
def test_masks_that_say_nothing_certain_are_not_guessed(change: Callable[[Tensor], Tensor]) -> None:
    rf = archcheck.receptive_field(archcheck.trace(Scores(change), (2, 8, 8)))
    with pytest.raises(archcheck.UnknownField, match=r"mask.*test_fields_of_masks\.py"):
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
