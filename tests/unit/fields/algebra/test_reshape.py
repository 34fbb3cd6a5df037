"""Reshapes and permutations of maps, compared with numpy's index arrays, unit by unit."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from archcheck.fields.algebra.field_map import FieldMap
from archcheck.fields.algebra.positions import Positions
from archcheck.fields.algebra.reshape import divided, reshaped, together


def written_out(m: FieldMap, axis: int) -> np.ndarray[Any, np.dtype[Any]]:
    """The set of every unit on one axis, as an array of the tensor's shape."""
    for factor in range(len(m.factors)):
        m = m.pinned(factor)
    table = m.tracks[axis].local
    sizes = [factor.size for factor in m.factors]
    return np.broadcast_to(table.values, sizes).reshape(m.shape)


def agrees(m: FieldMap, coordinates: list[Any]) -> bool:
    """Whether every unit depends on exactly the position whose coordinates numpy has there."""
    for axis, expected in enumerate(coordinates):
        if m.shape != expected.shape:
            return False
        found = written_out(m, axis)
        for unit in np.ndindex(*m.shape):
            if found[unit] != Positions(int(expected[unit]), 1):
                return False
    return True


def factorisations(draw: Any, total: int) -> list[int]:
    """Some shape of so many elements, ones included."""
    shape = []
    while total > 1:
        size = draw(st.sampled_from([d for d in range(2, total + 1) if total % d == 0]))
        shape.append(size)
        total //= size
    for place in draw(st.lists(st.integers(0, len(shape)), max_size=2)):
        shape.insert(place, 1)
    return shape


@given(st.data(), st.booleans())
def test_reshapes_and_permutations_are_those_of_numpy(data: st.DataObject, lattice: bool) -> None:
    shape = [1, *data.draw(st.lists(st.sampled_from([1, 2, 3, 4, 6]), min_size=2, max_size=4))]
    if prod(shape) > 150:
        return
    spatial = tuple(range(2, len(shape)))
    m = FieldMap.of_input(shape, spatial, lattice=lattice)
    grid = np.indices(shape)
    coordinates: list[Any] = [grid[dimension] for dimension in spatial]
    assert agrees(m, coordinates)
    for _ in range(data.draw(st.integers(1, 5))):
        rank = len(m.shape)
        if data.draw(st.booleans()):
            order = data.draw(st.permutations(range(rank)))
            m = m.permuted(order)
            coordinates = [array.transpose(order) for array in coordinates]
        else:
            new = factorisations(data.draw, prod(shape))
            m = reshaped(m, new)
            coordinates = [array.reshape(new) for array in coordinates]
        assert agrees(m, coordinates), m.shape


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.booleans())
def test_a_dimension_divided_and_put_together(
    outer: int, inner: int, channels: int, lattice: bool
) -> None:
    shape = (1, channels, outer * inner, 3)
    m = FieldMap.of_input(shape, (2, 3), lattice=lattice)
    rows, columns = np.indices(shape)[2:]
    cut = divided(m, 2, inner)
    new = (1, channels, outer, inner, 3)
    assert agrees(cut, [rows.reshape(new), columns.reshape(new)])
    assert agrees(together(cut, 2), [rows, columns])
