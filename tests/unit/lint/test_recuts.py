"""What reshapes cut across, beside where every element goes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise, permutations
from math import prod
from operator import mul

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from archcheck.lint.recuts import is_exchange, recuts

sides = st.lists(st.integers(2, 5), min_size=1, max_size=4)


@given(sizes=sides, data=st.data())
def test_axes_put_together_or_taken_apart_cut_across_none(
    sizes: list[int], data: st.DataObject
) -> None:
    finer = [part for size in sizes for part in data.draw(st.sampled_from([[size], [size, 2]]))]
    coarse = [prod(part) for part in (finer[:2], finer[2:])]
    assert not list(recuts(finer, coarse))
    assert not list(recuts(coarse, finer))


def _cross(sizes: Sequence[int], others: Sequence[int]) -> bool:
    """Whether, between two borders that both have, each has a border that the other has not."""
    one, other = ({1, *accumulate(each, mul)} for each in (sizes, others))
    return any(
        any(low < border < high for border in one) and any(low < border < high for border in other)
        for low, high in pairwise(sorted(one & other))
    )


@given(sizes=sides, data=st.data())
def test_the_shape_of_a_transpose_is_an_exchange_unless_nothing_moved(
    sizes: list[int], data: st.DataObject
) -> None:
    order = data.draw(st.sampled_from(list(permutations(range(len(sizes))))))
    numbers = np.arange(prod(sizes)).reshape(sizes)
    moved = numbers.transpose(order)
    assume(prod(sizes) > 1)
    found = list(recuts(sizes, moved.shape))
    assert all(prod(before) == prod(after) for before, after in found)
    if not found:
        assert not _cross(sizes, moved.shape)
    elif len(found) == 1:
        assert is_exchange(*found[0])


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ((8, 12, 4), (12, 32)),  # heads put together without a transpose
        ((12, 16), (4, 12, 4)),  # heads taken apart without one
        ((64, 7, 5), (35, 64)),
        ((35, 64), (64, 7, 5)),
    ],
)
def test_the_shape_of_exchanged_axes(source: tuple[int, ...], target: tuple[int, ...]) -> None:
    assert list(recuts(source, target)) == [(source, target)]
    assert is_exchange(source, target)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ((100, 40), (50, 80)),  # neighbouring frames put into one
        ((256, 6, 6), (1152, 8)),  # capsules
        ((10, 6), (4, 15)),
    ],
)
def test_other_shapes_are_no_exchange(source: tuple[int, ...], target: tuple[int, ...]) -> None:
    assert list(recuts(source, target)) == [(source, target)]
    assert not is_exchange(source, target)
