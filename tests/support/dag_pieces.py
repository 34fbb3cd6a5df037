"""What a drawn graph is made of, too: maps taken apart, and their pieces worked on and put
together again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.support.dag_rows import LAYERS, STEPS
from tests.support.dag_steps import CHANNELS, layer, split_sides, step

__all__ = ["LAYERS", "STEPS"]

Way = Callable[[Tensor], Tensor]
"""What is done to a map along its last axis."""


@step
def line_conv(net: nn.Module, x: Tensor, dim: int, **_: Any) -> Tensor:
    """A convolution along one axis, with all others among the samples."""
    y = x.movedim(1, -1).movedim(dim - 1, -1)
    lines: Tensor = net(y.reshape(-1, *y.shape[-2:]))
    y = lines.reshape(*y.shape[:-2], *lines.shape[1:])
    return y.movedim(-1, dim - 1).movedim(-1, 1)


LAYERS["line_conv"] = lambda dims, dim, **options: layer("Conv", 1, **options)


@step
def cells(net: nn.Module, x: Tensor, parts: Sequence[int], by_turn: bool, **_: Any) -> Tensor:
    """A convolution in every cell of a grid, or over the positions that come round by turn; the
    cells are samples."""
    y, kept = split_sides(x, parts)
    dims = len(parts)
    outer, inner = list(range(2, y.dim(), 2)), list(range(3, y.dim(), 2))
    samples, places = (inner, outer) if by_turn else (outer, inner)
    order = [0, *samples, 1, *places]
    y = y.permute(order)
    z = net(y.reshape(-1, *y.shape[dims + 1 :])).reshape(y.shape)
    z = z.permute([order.index(axis) for axis in range(len(order))])
    result: Tensor = z.reshape(x.shape[0], CHANNELS, *kept)
    return result


LAYERS["cells"] = lambda dims, mode, **_: layer(
    "Conv", dims, kernel_size=3, padding=1, padding_mode=mode
)


@step
def halves(net: nn.Module, x: Tensor, dim: int) -> Tensor:
    """Layers of their own for two halves."""
    first, last = x.tensor_split(2, dim)
    result: Tensor = torch.cat([net(first), net(last.flip(dim))], dim)
    return result


LAYERS["halves"] = lambda dims, **_: layer("Conv", dims, kernel_size=3, padding=1)


def written_in_turn(x: Tensor) -> Tensor:
    y = x.new_zeros(*x.shape[:-1], 2 * x.shape[-1])
    y[..., ::2] = x
    y[..., 1::2] = x.roll(-1, 1)
    return y


def stacked_in_turn(x: Tensor) -> Tensor:
    return torch.stack([x, x.roll(-1, 1)], -1).flatten(-2)


def expanded(x: Tensor) -> Tensor:
    return x.unsqueeze(-1).expand(*x.shape, 2).reshape(*x.shape[:-1], -1)


def between_zeros(x: Tensor) -> Tensor:
    y = F.pad(x.unsqueeze(-1), (0, 1)).flatten(-2)
    return F.avg_pool1d(y.flatten(0, -3), 2, 1, 1)[..., :-1].reshape(y.shape)


DOUBLED: dict[str, Way] = {
    way.__name__: way for way in (written_in_turn, stacked_in_turn, expanded, between_zeros)
}
"""Ways to give a map twice as many positions."""


@step
def doubled(_: None, x: Tensor, dim: int, way: str) -> Tensor:
    return DOUBLED[way](x.movedim(dim, -1)).movedim(-1, dim)


def some_channels_moved(x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    y[:, :1, ..., :-1] = x[:, :1, ..., 1:]
    y[:, 1:2, ..., 1:] = x[:, 1:2, ..., :-1]
    y[:, 2:] = x[:, 2:]
    return y


def difference(x: Tensor) -> Tensor:
    y = x.clone()
    y[..., 1:] -= x[..., :-1]
    return y


def neighbours_added(x: Tensor) -> Tensor:
    y = x.clone()
    y[..., :-1] += x[..., 1:]
    y[..., 1:].add_(x[..., :-1])
    return y


def window_by_slices(x: Tensor) -> Tensor:
    padded = F.pad(x, (1, 1))
    taps = [padded[..., place : place + x.shape[-1]] for place in range(3)]
    return torch.stack(taps).mean(0)


def zeros_in_front(x: Tensor) -> Tensor:
    return x + torch.cat([x.new_zeros(*x.shape[:-1], 1), x[..., :-1]], -1)


def zeros_around(x: Tensor) -> Tensor:
    frame = torch.zeros(*x.shape[:-1], x.shape[-1] + 2, dtype=x.dtype)
    frame[..., 1:-1].copy_(x)
    return F.max_pool1d(frame.flatten(0, -3), 3, 1).reshape(x.shape)


MOVED: dict[str, Way] = {
    way.__name__: way
    for way in (
        some_channels_moved, difference, neighbours_added, window_by_slices, zeros_in_front,
        zeros_around,
    )
}  # fmt: skip
"""What reads neighbours, written by hand."""


@step
def moved(_: None, x: Tensor, dim: int, way: str) -> Tensor:
    return MOVED[way](x.movedim(dim, -1)).movedim(-1, dim)


def mirrored(x: Tensor) -> Tensor:
    return torch.cat([x[..., 1:2].flip(-1), x, x[..., -3:-1].flip(-1)], -1)


def edges_repeated(x: Tensor) -> Tensor:
    first, last = x[..., :1], x[..., -1:]
    return torch.cat([first.expand(*x.shape[:-1], 2), x, last], -1)


def around_by_cat(x: Tensor) -> Tensor:
    return torch.cat([x[..., -2:], x, x[..., :1]], -1)


def into_a_frame(x: Tensor) -> Tensor:
    y = x.new_zeros(*x.shape[:-1], x.shape[-1] + 2)
    y[..., 1:-1] = x
    y[..., 0] = x[..., 0]
    y[..., -1:] = x[..., -1:]
    return y


FRAMES: dict[str, Way] = {
    way.__name__: way for way in (mirrored, edges_repeated, around_by_cat, into_a_frame)
}
"""Padding by hand."""


@step
def framed(_: None, x: Tensor, dim: int, way: str) -> Tensor:
    return FRAMES[way](x.movedim(dim, -1)).movedim(-1, dim)


def by_index_select(x: Tensor, index: Tensor) -> Tensor:
    return x.index_select(-1, index)


def by_a_list(x: Tensor, index: Tensor) -> Tensor:
    return x[..., index.tolist()]


def by_gather(x: Tensor, index: Tensor) -> Tensor:
    return x.gather(-1, index.expand(*x.shape[:-1], len(index)))


def by_take_along(x: Tensor, index: Tensor) -> Tensor:
    return torch.take_along_dim(x, index.view(*[1] * (x.dim() - 1), -1), -1)


def by_a_matrix_of_ones(x: Tensor, index: Tensor) -> Tensor:
    return x @ F.one_hot(index, x.shape[-1]).to(x).T


PICKS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    way.__name__: way
    for way in (by_index_select, by_a_list, by_gather, by_take_along, by_a_matrix_of_ones)
}
"""Ways to pick positions by constant indices."""


@step
def picked(_: None, x: Tensor, dim: int, places: Sequence[int], way: str) -> Tensor:
    index = torch.tensor([place % x.shape[dim] for place in places])
    return PICKS[way](x.movedim(dim, -1), index).movedim(-1, dim)


@step
def involution(_: None, x: Tensor, kernel_size: int, dilation: int, stride: int) -> Tensor:
    """Windows by unfold, each weighed and summed."""
    padding = dilation * (kernel_size // 2)
    y = F.unfold(x, kernel_size, dilation, padding, stride)
    y = y.view(1, CHANNELS, kernel_size**2, -1)
    y = (y * y.new_ones(kernel_size**2, 1)).sum(2)
    reach = dilation * (kernel_size - 1)
    return y.view(1, CHANNELS, *((n + 2 * padding - reach - 1) // stride + 1 for n in x.shape[2:]))


@step
def fold_up(net: nn.Module, x: Tensor, kernel_size: Sequence[int], stride: Sequence[int]) -> Tensor:
    """A transposed convolution by fold."""
    columns: Tensor = net(x).flatten(2)
    sizes = zip(x.shape[2:], kernel_size, stride, strict=True)
    output = tuple([(n - 1) * s + k for n, k, s in sizes])
    return F.fold(columns, output, tuple(kernel_size), stride=tuple(stride))


LAYERS["fold_up"] = lambda dims, kernel_size, **_: nn.Conv2d(
    CHANNELS, CHANNELS * kernel_size[0] * kernel_size[1], 1
)


@step
def focus(net: nn.Module, x: Tensor) -> Tensor:
    """Every second position along each axis, as channels."""
    cut: Any = (..., *(slice(side // 2 * 2) for side in x.shape[2:]))
    x = x[cut]
    pieces = []
    for starts in product(range(2), repeat=x.dim() - 2):
        where: Any = (..., *(slice(start, None, 2) for start in starts))
        pieces.append(x[where])
    return net(torch.cat(pieces, 1))  # type: ignore[no-any-return]


LAYERS["focus"] = lambda dims: layer("Conv", dims, CHANNELS * 2**dims, kernel_size=1)


@step
def turned(_: None, x: Tensor, times: int) -> Tensor:
    return torch.rot90(x, times, (2, 3))
