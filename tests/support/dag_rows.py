"""What a drawn graph is made of, too: maps as rows of tokens and back, maps that are written into
other memory piece by piece, calls that nothing reads, and odd roads to a pool."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.support.dag_joins import LAYERS, STEPS
from tests.support.dag_steps import CHANNELS, by_rank, step

__all__ = ["LAYERS", "STEPS"]

Way = Callable[[Tensor], Tensor]
"""What is done to tokens, (1, tokens, channels), or to a map, (1, channels, *sides)."""


def _token(x: Tensor) -> Tensor:
    return x.new_ones(1, 1, x.shape[-1])


def _order(x: Tensor) -> Tensor:
    return torch.randperm(x.shape[1], generator=torch.Generator().manual_seed(1))


def _everywhere(index: Tensor, x: Tensor) -> Tensor:
    return index[None, :, None].expand(1, len(index), x.shape[-1])


def class_token(x: Tensor) -> Tensor:
    return torch.cat([_token(x), x], 1)[:, 1:]


def class_token_behind(x: Tensor) -> Tensor:
    return torch.cat([x, _token(x)], 1).narrow(1, 0, x.shape[1])


def class_token_added(x: Tensor) -> Tensor:
    both = torch.cat([_token(x), x], 1)
    return both[:, 1:] + both[:, :1]


def indexed(x: Tensor) -> Tensor:
    return x[:, torch.arange(x.shape[1])]


def selected(x: Tensor) -> Tensor:
    return torch.cat([_token(x), x], 1).index_select(1, torch.arange(1, x.shape[1] + 1))


def shuffled_and_back(x: Tensor) -> Tensor:
    order = _order(x)
    return x[:, order][:, order.argsort()]


def gathered_and_back(x: Tensor) -> Tensor:
    order = _order(x)
    x = x.gather(1, _everywhere(order, x))
    return x.gather(1, _everywhere(order.argsort(), x))


def stacked(x: Tensor) -> Tensor:
    return torch.stack([x[:, place] for place in range(x.shape[1])], 1)


def unbound(x: Tensor) -> Tensor:
    return torch.stack(x.unbind(1), 1)


def chunked(x: Tensor) -> Tensor:
    return torch.cat(x.chunk(3, 1), 1)


def padded(x: Tensor) -> Tensor:
    return F.pad(x, (0, 0, 2, 1))[:, 2:-1]


def flipped_twice(x: Tensor) -> Tensor:
    return x.flip(1).flip(1)


def rolled_and_back(x: Tensor) -> Tensor:
    return x.roll(3, 1).roll(-3, 1)


def sequence_first(x: Tensor) -> Tensor:
    x = x.transpose(0, 1)
    return torch.cat([x.new_zeros(1, 1, x.shape[2]), x])[1:].transpose(0, 1)


def scattered(x: Tensor) -> Tensor:
    return torch.zeros_like(x).scatter(1, _everywhere(torch.arange(x.shape[1]), x), x)


def halves_written(x: Tensor) -> Tensor:
    result = torch.zeros_like(x)
    result[:, ::2], result[:, 1::2] = x[:, ::2], x[:, 1::2]
    return result


def in_channels(x: Tensor) -> Tensor:
    flat = x.flatten(1)
    return torch.cat([flat.new_zeros(1, 3), flat], 1)[:, 3:].view(x.shape)


def slid(x: Tensor) -> Tensor:
    return F.avg_pool1d(x.transpose(1, 2), 3, 1, 1).transpose(1, 2)


def rolled(x: Tensor) -> Tensor:
    return x.roll(1, 1)


TOKENS: dict[str, Way] = {
    road.__name__: road
    for road in (
        class_token, class_token_behind, class_token_added, indexed, selected, shuffled_and_back,
        gathered_and_back, stacked, unbound, chunked, padded, flipped_twice, rolled_and_back,
        sequence_first, scattered, halves_written, in_channels,
    )
}  # fmt: skip
"""Roads of tokens at whose end all are where they were."""
ACROSS_ROWS: dict[str, Way] = {road.__name__: road for road in (slid, rolled)}
"""Roads on which the beginning of a row follows the end of the one before."""


@step
def tokens(_: None, x: Tensor, road: str) -> Tensor:
    rows = x.flatten(2).transpose(1, 2)
    rows = (TOKENS | ACROSS_ROWS)[road](rows)
    return rows.transpose(1, 2).reshape(x.shape)


def _room(x: Tensor) -> Tensor:
    return torch.zeros(x.shape, dtype=x.dtype)


def all_at_once(x: Tensor) -> Tensor:
    room = _room(x)
    room[:] = x
    return room


def by_ellipsis(x: Tensor) -> Tensor:
    room = _room(x)
    room[...] = x
    return room


def one_sample(x: Tensor) -> Tensor:
    room = _room(x)
    room[0].copy_(x[0])
    return room


def one_sample_added(x: Tensor) -> Tensor:
    room = _room(x)
    room[0].add_(x[0])
    return room


def by_channel(x: Tensor) -> Tensor:
    room = _room(x)
    for channel in range(CHANNELS):
        room[0][channel].copy_(x[0, channel])
    return room


def two_channels(x: Tensor) -> Tensor:
    room = _room(x)
    room[:, :2], room[:, 2:] = x[:, :2], x[:, 2:]
    return room


def by_row(x: Tensor) -> Tensor:
    room = _room(x)
    for row in range(x.shape[2]):
        room[:, :, row] = x[:, :, row]
    return room


def by_position(x: Tensor) -> Tensor:
    room = _room(x)
    for place in product(*map(range, x.shape[2:])):
        where: Any = (..., *place)
        room[where] = x[where]
    return room


def as_one_row(x: Tensor) -> Tensor:
    room = _room(x)
    room.view(1, CHANNELS, -1).copy_(x.flatten(2))
    return room


def channels_last(x: Tensor) -> Tensor:
    room = torch.zeros((1, *x.shape[2:], CHANNELS), dtype=x.dtype)
    room.movedim(-1, 1).copy_(x)
    return room.movedim(-1, 1)


def larger_room(x: Tensor) -> Tensor:
    sides = [side + 3 for side in x.shape[2:]]
    room = torch.zeros((1, CHANNELS, *sides), dtype=x.dtype)
    inside: Any = tuple(slice(1, side + 1) for side in x.shape[2:])
    room[(0, slice(None), *inside)].copy_(x[0])
    return room[(..., *inside)]


def rows_stacked(x: Tensor) -> Tensor:
    return torch.stack([x[:, :, row] for row in range(x.shape[2])], 2)


def by_strides(x: Tensor) -> Tensor:
    x = x.contiguous()
    return x.as_strided(x.shape, x.stride())


WRITES: dict[str, Way] = {
    way.__name__: way
    for way in (
        all_at_once, by_ellipsis, one_sample, one_sample_added, by_channel, two_channels, by_row,
        by_position, as_one_row, channels_last, larger_room, rows_stacked, by_strides,
    )
}  # fmt: skip
"""Ways to write a map into other memory, where it looks as before."""


@step
def rewritten(_: None, x: Tensor, way: str) -> Tensor:
    return WRITES[way](x)


def discarded_pool(x: Tensor) -> None:
    by_rank("adaptive_avg_pool", x)(x, 1)


def discarded_copy(x: Tensor) -> None:
    x.clone().mul_(0)


def discarded_road(x: Tensor) -> None:
    x.roll(2, -1).cumsum(-1)


def discarded_scores(x: Tensor) -> None:
    torch.softmax(x.flatten(2) @ x.flatten(2).mT, dim=-1)


DISCARDED: dict[str, Callable[[Tensor], None]] = {
    call.__name__: call
    for call in (discarded_pool, discarded_copy, discarded_road, discarded_scores)
}
"""Calls whose results nothing reads."""


@step
def discarded(_: None, x: Tensor, call: str) -> Tensor:
    DISCARDED[call](x)
    return x * 1


def axis_by_axis(x: Tensor) -> Tensor:
    while x.ndim > 2:
        x = x.mean(-1)
    return x


def through_tokens(x: Tensor) -> Tensor:
    return x.flatten(2).transpose(1, 2).sum(1)


def whole_window(x: Tensor) -> Tensor:
    return by_rank("avg_pool", x)(x, x.shape[2:]).flatten(1)


def whole_area(x: Tensor) -> Tensor:
    return F.interpolate(x, size=[1] * (x.ndim - 2), mode="area").flatten(1)


def by_a_matrix(x: Tensor) -> Tensor:
    rows = x.flatten(2)
    return (rows @ rows.new_ones(rows.shape[2], 1)).squeeze(2)


def by_a_contraction(x: Tensor) -> Tensor:
    return torch.einsum("nc...->nc", x)


def by_a_resized_map(x: Tensor) -> Tensor:
    return by_rank("adaptive_avg_pool", x)(x, 2).flatten(2).mean(2)


def by_the_last_sum(x: Tensor) -> Tensor:
    return x.flatten(2).cumsum(2)[..., -1]


POOLS: dict[str, Way] = {
    road.__name__: road
    for road in (
        axis_by_axis, through_tokens, whole_window, whole_area, by_a_matrix, by_a_contraction,
        by_a_resized_map, by_the_last_sum,
    )
}  # fmt: skip
"""Roads to one number for each channel that depends on all positions."""


@step
def pooled(_: None, x: Tensor, road: str) -> Tensor:
    number = POOLS[road](x)
    return x + number.view(*number.shape, *[1] * (x.ndim - 2))
