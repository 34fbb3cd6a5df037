"""Other roads to a maximum over positions, on maps with any number of spatial axes, the last of
which is two positions long or more."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Road = Callable[[Tensor], Tensor]


def _even(x: Tensor) -> Tensor:
    return x[..., : x.shape[-1] // 2 * 2]


def _pairs(x: Tensor) -> Tensor:
    x = _even(x)
    return x.reshape(*x.shape[:-1], -1, 2)


def over_a_reshaped_axis(x: Tensor) -> Tensor:
    return _pairs(x).amax(-1)


def smallest_of_the_negative(x: Tensor) -> Tensor:
    return -(-_pairs(x)).amin(-1)


def over_a_stack(x: Tensor) -> Tensor:
    return torch.stack([_even(x)[..., ::2], _even(x)[..., 1::2]]).max(0)[0]


def over_channels_of_a_cat(x: Tensor) -> Tensor:
    both = torch.cat([_even(x)[..., ::2], _even(x)[..., 1::2]], 1)
    return both.reshape(both.shape[0], 2, -1, *both.shape[2:]).amax(1)


def of_two_slices(x: Tensor) -> Tensor:
    return torch.maximum(x[..., 1:], x[..., :-1])


def where_the_one_is_larger(x: Tensor) -> Tensor:
    return torch.where(x[..., 1:] > x[..., :-1], x[..., 1:], x[..., :-1])


def clamped_from_below(x: Tensor) -> Tensor:
    return torch.clamp(x[..., 1:], min=x[..., :-1])


def by_a_difference(x: Tensor) -> Tensor:
    return x[..., :-1] + F.relu(x[..., 1:] - x[..., :-1])


def first_of_a_sort(x: Tensor) -> Tensor:
    return x.flatten(2).sort(-1, descending=True)[0][..., 0]


def one_of_the_top(x: Tensor) -> Tensor:
    return x.flatten(2).topk(1)[0]


def by_its_index(x: Tensor) -> Tensor:
    return x.flatten(2).gather(2, x.flatten(2).argmax(2, keepdim=True))


def along_the_axis(x: Tensor) -> Tensor:
    return x.cummax(-1)[0]


def windows_unfolded(x: Tensor) -> Tensor:
    return x.unfold(-1, 2, 1).amax(-1)


def a_norm(x: Tensor) -> Tensor:
    norm: Tensor = torch.linalg.vector_norm(x, torch.inf, -1)
    return norm


ROADS: dict[str, Road] = {
    road.__name__: road
    for road in (
        over_a_reshaped_axis, smallest_of_the_negative, over_a_stack, over_channels_of_a_cat,
        of_two_slices, where_the_one_is_larger, clamped_from_below, by_a_difference,
        first_of_a_sort, one_of_the_top, by_its_index, along_the_axis, windows_unfolded, a_norm,
    )
}  # fmt: skip
