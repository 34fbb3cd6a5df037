"""Indexing by constants, reading and writing, and memory with two names, against gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import archcheck
from tests.support.exactness import assert_every_unit, assert_theoretical
from tests.support.modules import Applied

IMAGE = (2, 8, 6)
long = torch.tensor


def numbers(*values: int) -> Tensor:
    return torch.tensor(values)


def put(x: Tensor, write: Callable[[Tensor], Any]) -> Tensor:
    """A copy of a map with something written to it."""
    y = x.clone()
    write(y)
    return y


def assign(index: Any, value: Any) -> Callable[[Tensor], Tensor]:
    def change(x: Tensor) -> Tensor:
        y = x.clone()
        y[index() if callable(index) else index] = value(x) if callable(value) else value
        return y

    return change


READ: dict[str, Callable[[Tensor], Tensor]] = {
    "a list": lambda x: x[:, [0, 2, 1]],
    "a list alone": lambda x: x.transpose(0, 3)[[0, 2, 1]].transpose(0, 3),
    "a list of truth values": lambda x: x[:, [True, False, True, True]],
    "an array of numpy": lambda x: x[:, np.array([3, 0])],
    "a range": lambda x: x[:, range(0, 4, 2)],
    "a tensor": lambda x: x[..., torch.tensor([0, 5, 2, 2])],
    "a tensor of one": lambda x: x[:, torch.tensor(1)][:, None],
    "negative numbers": lambda x: x[:, :, numbers(-1, -3)],
    "a tensor of two dimensions": lambda x: x[:, :, numbers(0, 1, 2, 3).view(2, 2)].flatten(2, 3),
    "a truth tensor": lambda x: x[:, :, torch.arange(8) % 3 == 0],
    "a truth tensor over two": lambda x: x[:, :, torch.eye(8)[:, :6].bool()].unsqueeze(2),
    "two tensors": lambda x: x[:, :, numbers(0, 3, 7), numbers(5, 1, 0)].unsqueeze(2),
    "two that broadcast": lambda x: x[:, :, numbers(0, 3)[:, None], numbers(5, 1, 0)],
    "two the other way round": lambda x: x[:, :, numbers(0, 3), numbers(5, 1, 0)[:, None]],
    "two that lie apart": lambda x: x[:, numbers(0, 1), :, numbers(5, 1)].permute(1, 0, 2)[None],
    "a number and a tensor": lambda x: x[0, :, :, numbers(4, 4, 1)][None],
    "a number apart from a tensor": lambda x: x[0, :, numbers(4, 4, 1)][None],
    "a slice and a tensor": lambda x: x[:, 1:, ::2, numbers(0, 1)],
    "None and a tensor": lambda x: x[:, None, :, numbers(0, 1)][:, 0],
    "None behind a tensor": lambda x: x[:, :, numbers(0, 1), None].flatten(2, 3),
    "every second": lambda x: x[:, :, torch.arange(0, 8, 2)],
    "each twice": lambda x: x[:, :, torch.arange(16) // 2],
    "rolled": lambda x: x[..., (torch.arange(6) + 2) % 6],
    "mirrored": lambda x: x[..., numbers(2, 1, 0, 1, 2, 3, 4, 5, 4)],
    "clamped": lambda x: x[..., torch.arange(-2, 8).clamp(0, 5)],
    "reversed": lambda x: x[:, :, torch.arange(7, -1, -1)],
    "index_select": lambda x: x.index_select(2, numbers(1, 1, 6)),
    "index_select by function": lambda x: torch.index_select(x, dim=-1, index=numbers(0, 5)),
    "gather": lambda x: x.gather(3, torch.arange(12).view(1, 1, 2, 6).expand(1, 4, 2, 6) % 5),
    "gather alike": lambda x: torch.gather(x, 2, numbers(3, 1).view(1, 1, 2, 1).expand(1, 4, 2, 6)),
    "take_along_dim": lambda x: torch.take_along_dim(x, numbers(3, 1).view(1, 1, 2, 1), dim=2),
    "take_along_dim flat": lambda x: x.take_along_dim(numbers(3, 40, 2)).view(1, 1, 3),
    "take": lambda x: torch.take(x, numbers(3, 40, 2, 100).view(1, 1, 2, 2)),
    "masked_select": lambda x: x.masked_select(torch.eye(8)[:, :6].bool()).view(1, 4, 6),
    "argsort of constants": lambda x: x[..., torch.tensor([3, 1, 2, 0, 5, 4]).argsort()],
    "a permutation back": lambda x: x.flatten(2)[
        ..., torch.arange(48).view(8, 6).T.flatten()
    ].reshape(1, 4, 6, 8),
}
WRITTEN: dict[str, Callable[[Tensor], Tensor]] = {
    "a number": assign((slice(None), 1), lambda x: x[:, 2]),
    "numbers": assign((0, 1, 2, 3), 1.0),
    "a slice": assign((..., slice(1, 4)), lambda x: x[..., 2:5]),
    "a slice in steps": assign((..., slice(None, None, 2)), lambda x: x[..., 1::2]),
    "steps both ways": assign(
        (slice(None), slice(None), slice(1, None, 3), slice(0, 5, 2)), lambda x: x[:, :, :3, :3]
    ),
    "a value that broadcasts": assign(
        (slice(None), slice(None), slice(2, 6)), lambda x: x.mean(2, keepdim=True)
    ),
    "one row": assign((slice(None), slice(None), 0), lambda x: x[:, :, 7]),
    "everything": assign(slice(None), lambda x: x.flip(3)),
    "Ellipsis": assign(..., lambda x: x.flip(2)),
    "a list": assign((slice(None), [0, 3]), lambda x: x[:, 1:3]),
    "a tensor": assign(lambda: (..., numbers(0, 5, 2)), lambda x: x[..., :3]),
    "a tensor and a slice": assign(
        lambda: (slice(None), slice(1, 3), numbers(0, 5)), lambda x: x[:, 2:4, 3:5]
    ),
    "two tensors": assign(
        lambda: (slice(None), slice(None), numbers(0, 7), numbers(5, 0)), lambda x: x[:, :, 0, :2]
    ),
    "a truth tensor, a number": assign(
        lambda: (slice(None), slice(None), torch.arange(8) > 4), 0.0
    ),
    "a truth tensor over two": assign(lambda: (..., torch.eye(8)[:, :6].bool()), 2.0),
    "a truth tensor, values": assign(
        lambda: (..., torch.eye(8)[:, :6].bool()), lambda x: x[..., 7, :]
    ),
    "a whole mask": lambda x: assign(torch.arange(192).view(1, 4, 8, 6) % 7 == 0, 0.0)(x),
    "constants into a part": lambda x: assign(
        (..., slice(2, 4)), torch.ones(2, dtype=torch.double)
    )(x),
    "index_put": lambda x: (
        x.flatten(2)[0, 0].index_put((numbers(1, 9),), x[0, 1, 0, :2]).view(1, 1, 8, 6)
    ),
    "index_put_ that adds": lambda x: put(
        x,
        lambda y: y.index_put_(
            (numbers(0, 0), numbers(1, 1), numbers(3, 3), numbers(2, 2)), x[0, 0, 0, :2], True
        ),
    ),
    "index_add": lambda x: x.index_add(3, numbers(0, 0, 4), x[..., 3:]),
    "index_copy": lambda x: torch.index_copy(x, 2, numbers(7, 1), x[:, :, 3:5]),
    "index_fill": lambda x: x.index_fill(2, numbers(7, 1), 0.0),
    "scatter": lambda x: x.scatter(
        3, torch.arange(6).view(1, 1, 1, 6).expand(1, 4, 8, 6).flip(3), x
    ),
    "scatter a number": lambda x: x.scatter(
        2, torch.arange(12).view(1, 1, 2, 6).expand(1, 4, 2, 6) % 8, 1.0
    ),
    "scatter_add": lambda x: torch.zeros_like(x).scatter_add_(
        2, (torch.arange(8) // 3).view(1, 1, 8, 1).expand(1, 4, 8, 6), x
    ),
    "scatter_reduce": lambda x: x.scatter_reduce(
        3, (torch.arange(6) // 2).view(1, 1, 1, 6).expand(1, 4, 8, 6), x, "sum"
    ),
    "repeated writes": lambda x: put(
        x, lambda y: [y[:, :, i].copy_(x[:, :, 7 - i]) for i in range(3)]
    ),
}
UNLABELLED = {
    "a truth tensor over two", "two tensors", "two that lie apart", "a number and a tensor",
    "masked_select", "take", "take_along_dim flat", "index_put", "a permutation back",
    "a tensor of two dimensions", "two that broadcast", "two the other way round",
    "a number apart from a tensor", "a tensor of one", "None behind a tensor",
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_reading_by_constants_is_exact(name: str) -> None:
    assert_every_unit(Applied(2, READ[name]), IMAGE, labelled=name not in UNLABELLED)


@pytest.mark.parametrize("name", WRITTEN)
def test_writing_by_constants_is_exact(name: str) -> None:
    assert_every_unit(Applied(2, WRITTEN[name]), IMAGE, labelled=name not in UNLABELLED)


@pytest.mark.parametrize(
    ("name", "size", "jump"),
    [
        ("every second", (3, 3), (2, 1)),
        ("each twice", (3, 3), (0.5, 1)),
        ("reversed", (3, 3), (-1, 1)),
    ],
)
def test_indices_in_a_pattern_go_on_beyond_the_borders(
    name: str, size: tuple[int, int], jump: tuple[float, float]
) -> None:
    rf = archcheck.receptive_field(archcheck.trace(Applied(2, READ[name]).double(), IMAGE))
    assert (rf.at("output").size, rf.at("output").jump) == (size, jump)


RING = torch.arange(12)
LATER, EARLIER = (RING + 1) % 12, (RING - 1) % 12
BOTH = torch.cat([LATER, EARLIER])
AROUND: dict[str, Callable[[Tensor], Tensor]] = {
    "index_select": lambda x: x.index_select(2, LATER) + x.index_select(2, EARLIER),
    "brackets": lambda x: x[..., (RING + 3) % 12] + x,
    "several times, from both ends": lambda x: x[..., torch.cat([RING, RING.flip(0), RING])],
    "gather": lambda x: x.gather(2, EARLIER.expand(1, 4, 12)) + x,
    "gather, other channels otherwise": lambda x: x.gather(
        2, ((RING + torch.arange(4)[:, None]) % 12)[None]
    ),
    "index_add": lambda x: x.index_add(2, BOTH, x[..., torch.cat([RING, RING])]),
    "scatter_add": lambda x: x.scatter_add(2, LATER.expand(1, 4, 12), x),
    "index_copy": lambda x: x.index_copy(2, EARLIER, x) + x,
    "written": lambda x: assign((..., LATER), x)(x) + x,
    "mirrored": lambda x: x[..., (RING - 2).abs()],
    "clamped": lambda x: x[..., (RING - 2).clamp(0, 11)],
    "a stride that wraps": lambda x: x[..., (RING * 5) % 12] + x,
    "halves exchanged": lambda x: x[..., torch.cat([RING[6:], RING[:6]])] + x,
}


class Twice(nn.Module):
    """A function behind each of two convolutions."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv1d(2, 4, 3, padding=1), nn.Conv1d(4, 4, 1))
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = self.function(layer(x))
        return x


@pytest.mark.parametrize("name", AROUND)
def test_indices_with_a_seam_are_read_as_they_are(name: str) -> None:
    field = assert_every_unit(Twice(AROUND[name]), (2, 12))
    for unit in range(field.shape[0]):
        both = field.unit(unit)
        assert both.theoretical.within() == both.actual
        assert field.positions(0, unit).within(12) == field.actual_positions(0, unit)
    assert field.size[0] <= 12 + 2  # the convolution alone sees beyond the borders


class Focus(nn.Module):
    """Every second position, by an index that is a buffer."""

    even: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv1d(2, 4, 3), nn.Conv1d(4, 2, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        last: Tensor = self.last(x.index_select(2, torch.arange(0, x.shape[2], 2)))
        return last


def test_indices_in_a_pattern_settle() -> None:
    assert assert_theoretical(Focus(), (2, 20)).size == (11,)


# -- memory with two names --------------------------------------------------------------------


def through(view: Callable[[Tensor], Tensor], change: Callable[[Tensor, Tensor], Any]) -> Any:
    def apply(x: Tensor) -> Tensor:
        y = x.clone()
        change(view(y), x)
        return y

    return apply


def base_seen(x: Tensor) -> Tensor:
    y = x.clone()
    view = y[..., 1:5]
    y.copy_(x.flip(3))
    return view


def base_reshaped(x: Tensor) -> Tensor:
    y = x.clone()
    view = y.flatten(2)
    y.add_(x.flip(3))
    return view.view(x.shape)


def overlapping(x: Tensor) -> Tensor:
    y = x.clone()
    left, right = y[..., :3], y[..., 2:5]
    left.copy_(x[..., 3:])
    return right


ALIASES: dict[str, Callable[[Tensor], Tensor]] = {
    "a slice": through(lambda y: y[..., 1:4], lambda v, x: v.copy_(x[..., 3:6])),
    "a slice in steps": through(lambda y: y[..., ::2], lambda v, x: v.add_(x[..., 1::2])),
    "a row": through(lambda y: y[:, :, 2], lambda v, x: v.copy_(x[:, :, 5])),
    "transposed": through(lambda y: y.transpose(2, 3), lambda v, x: v.copy_(x.flip(2).mT)),
    "permuted and cut": through(
        lambda y: y.permute(0, 3, 2, 1)[:, 1:3], lambda v, x: v.mul_(x[..., :2].permute(0, 3, 2, 1))
    ),
    "flattened": through(lambda y: y.view(1, 4, 48), lambda v, x: v.copy_(x.flip(3).flatten(2))),
    "unflattened": through(
        lambda y: y.view(1, 4, 4, 2, 6), lambda v, x: v.add_(x.view(1, 4, 4, 2, 6).flip(3))
    ),
    "a number of a view": through(
        lambda y: y.view(1, 4, 4, 2, 6), lambda v, x: v[:, :, :, 0].fill_(0)
    ),
    "a part of a part": through(
        lambda y: y.narrow(1, 2, 2)[..., 2:], lambda v, x: v.copy_(x[:, :2, :, :4])
    ),
    "relu_ of a slice": through(lambda y: y[:, :2], lambda v, x: F.relu_(v)),
    "the base, seen through a view": base_seen,
    "the base, seen through another shape": base_reshaped,
    "a slice, seen through another": overlapping,
}


@pytest.mark.parametrize("name", ALIASES)
def test_writing_through_a_view_changes_what_it_shows(name: str) -> None:
    assert_every_unit(Applied(2, ALIASES[name]), IMAGE)


# -- what the input decides -------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x[:, x[0, :, 0, 0].argsort()],
        lambda x: x.gather(2, x.argsort(2)),
        lambda x: x.index_select(2, x[0, 0, :, 0].argsort()),
        lambda x: put(x, lambda y: y.__setitem__((slice(None), x[0, :, 0, 0].argsort()), x)),
        lambda x: torch.zeros_like(x).scatter_add_(3, x.argsort(3), x),
    ],
)
def test_indices_of_the_input_are_not_guessed(change: Callable[[Tensor], Tensor]) -> None:
    rf = archcheck.receptive_field(archcheck.trace(Applied(2, change).double(), IMAGE))
    with pytest.raises(archcheck.UnknownField, match=r"input.*test_indexing\.py"):
        rf.at("output")


class Learned(nn.Module):
    """Indices that follow from the weights."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(4))

    def forward(self, x: Tensor) -> Tensor:
        return x.repeat(1, 2, 1, 1)[:, self.weight.argsort()]


def test_indices_of_weights_are_not_guessed() -> None:
    rf = archcheck.receptive_field(archcheck.trace(Learned(), IMAGE))
    with pytest.raises(archcheck.UnknownField, match="not known"):
        rf.at("output")


class Quantised(nn.Module):
    """A codebook: every position's row depends on what was looked up there."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 4, 3, padding=1)
        self.table = nn.Embedding(4, 3)
        self.kind = kind

    def forward(self, x: Tensor) -> Tensor:
        codes = self.stem(x).argmax(1)
        if self.kind == "one_hot":
            return F.one_hot(codes, 4).movedim(-1, 1).float()
        rows = self.table(codes) if self.kind == "embedding" else self.table.weight[codes]
        return rows.permute(0, 3, 1, 2)


@pytest.mark.parametrize("kind", ["embedding", "one_hot", "indexed"])
def test_looking_up_keeps_positions(kind: str) -> None:
    rf = archcheck.receptive_field(archcheck.trace(Quantised(kind), IMAGE))
    field = rf.at("output")
    assert (field.size, field.jump, field.shape) == ((3, 3), (1, 1), IMAGE[1:])
    assert field.actual((0, 5)) == ((0, 1), (4, 5))
