"""Picking units by index arrays, and putting them back."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from archcheck.fields.algebra import axis_map
from archcheck.fields.algebra.axis_map import AxisMap
from archcheck.fields.algebra.field_map import FieldMap, NotModelledError
from archcheck.fields.algebra.masks import Booleans, settled, without
from archcheck.fields.algebra.merge import merged
from archcheck.fields.algebra.reshape import divided, reshaped, together

Integers = npt.NDArray[Any]
LONGEST_PERIOD = 64
"""The longest pattern that is looked for in an array of indices."""
MOST_UNITS = 1 << 18
"""The most units that are picked or written one by one."""


def along(m: FieldMap, dimension: int, index: Integers) -> FieldMap:
    """The units of one dimension that a one-dimensional array of indices picks."""
    index = np.where(index < 0, index + m.shape[dimension], index)
    read = _regular(index)
    if read is None:
        if len(index) > MOST_UNITS:
            raise NotModelledError("too many indices")
        m = m.single(dimension)
        if m.groups[dimension]:
            m = m.pinned(m.span(dimension).start)
        read = AxisMap(len(index), 1, tuple((int(i),) for i in index))
    return m.gathered(dimension, read, len(index))


def _regular(index: Integers) -> AxisMap | None:
    """The pattern in an array of indices that goes on beyond the borders; None without one.

    Indices that wrap around or turn back at a border have a seam there, and no pattern: they are
    read as they are.
    """
    count = len(index)
    if count < 2:
        return axis_map.pick(int(index[0]) if count else 0)
    for period in range(1, min(count // 2, LONGEST_PERIOD) + 1):
        advance = int(index[period] - index[0])
        if advance and bool((index[period:] - index[:-period] == advance).all()):
            return AxisMap(period, advance, tuple((int(i),) for i in index[:period]))
    return None


def picked(m: FieldMap, at: Sequence[int], arrays: Sequence[Integers], place: int) -> FieldMap:
    """Dimensions indexed by arrays that broadcast; theirs take the dimensions' place, beginning
    in front of the ``place``-th of those that are left."""
    arrays = [
        np.where(array < 0, array + m.shape[dimension], array)
        for dimension, array in zip(at, arrays, strict=True)
    ]
    shape = np.broadcast_shapes(*(array.shape for array in arrays))
    rest = [d for d in range(len(m.groups)) if d not in at]
    m = m.permuted([*rest[:place], *at, *rest[place:]])
    axes = [_only_axis(array, len(shape)) for array in arrays]
    if len(shape) == len(at) and sorted(a for a in axes if a is not None) == list(range(len(at))):
        for number, array in enumerate(arrays):
            m = along(m, place + number, array.ravel())
        order = [place + axes.index(axis) for axis in range(len(axes))]
        ends = range(place + len(at), len(m.groups))
        return m.permuted([*range(place), *order, *ends])
    sizes = m.shape[place : place + len(at)]
    flat = np.ravel_multi_index(np.broadcast_arrays(*arrays), sizes) if len(at) > 1 else arrays[0]
    m = along(fused(m, place, len(at)), place, np.ravel(flat))
    return spread(m, place, shape)


def _only_axis(array: Integers, rank: int) -> int | None:
    """The axis of the result that an index array runs along, if it is one."""
    sides = (1,) * (rank - array.ndim) + array.shape
    long = [axis for axis, size in enumerate(sides) if size > 1]
    return long[0] if len(long) == 1 else None


def fused(m: FieldMap, place: int, count: int) -> FieldMap:
    """Some neighbouring dimensions as one."""
    for _ in range(count - 1):
        m = together(m, place)
    return m


def spread(m: FieldMap, place: int, shape: Sequence[int]) -> FieldMap:
    """A dimension under a shape of as many elements."""
    if not shape:
        return m.without(place)
    for number, size in enumerate(shape[:-1]):
        if size == 0 or m.shape[place + number] == 0:
            return reshaped(m, (*m.shape[:place], *shape, *m.shape[place + 1 :]))
        m = divided(m, place + number, m.shape[place + number] // size)
    return m


def written(
    old: FieldMap,
    value: FieldMap | None,
    at: Sequence[int],
    arrays: Sequence[Integers],
    *,
    place: int,
    adds: bool = False,
) -> FieldMap:
    """A map with some units replaced by others, or with others added to them.

    ``arrays`` broadcast to the indices of the units in the dimensions ``at``; ``value`` has
    theirs in front of the ``place``-th of the dimensions that are left.
    """
    shape = old.shape
    arrays = [
        np.where(array < 0, array + shape[dimension], array)
        for dimension, array in zip(at, arrays, strict=True)
    ]
    arrays = list(np.broadcast_arrays(*arrays))
    sizes = tuple(shape[d] for d in at)
    flat = np.ravel_multi_index(tuple(arrays), sizes).ravel()
    if prod(sizes) > MOST_UNITS or len(flat) > MOST_UNITS:
        raise NotModelledError("an assignment to too many places")
    rest = [d for d in range(len(shape)) if d not in at]
    order = [*rest[:place], *at, *rest[place:]]
    base = settled(old)
    if not adds:
        hit = np.zeros(prod(sizes), dtype=bool)
        hit[flat] = True
        is_open: Booleans = ~hit.reshape((1,) * place + sizes + (1,) * (len(rest) - place))
        base = without(base, is_open.transpose([order.index(d) for d in range(len(shape))]))
    if value is None:
        return base
    sources: list[list[int]] = [[] for _ in range(prod(sizes))]
    for number, target in enumerate(flat.tolist()):
        if not adds:
            sources[target].clear()
        sources[target].append(number)
    count = arrays[0].ndim
    inner = [shape[d] for d in rest]
    value = merged([settled(value)], (*inner[:place], *arrays[0].shape, *inner[place:]))
    like = base
    if not base.spatial_dimensions() and len(value.groups) == len(shape):
        like = value  # into constants
    value = fused(value, place, count) if count else value.with_new(place)
    value = value.single(place)
    if value.groups[place]:
        value = value.pinned(value.span(place).start)
    read = AxisMap(len(sources), 1, tuple(tuple(source) for source in sources))
    value = spread(value.gathered(place, read, len(sources)), place, sizes)
    value = value.permuted([order.index(d) for d in range(len(shape))])
    value = alike_labelled(value, like)
    return merged([value] if base.empty else [base, value], shape)


def alike_labelled(m: FieldMap, like: FieldMap) -> FieldMap:
    """A map whose dimensions count positions of space where those of another do, if any do."""
    spatial = like.spatial_dimensions()
    return m.counting(spatial) if spatial else m


def elementwise(m: FieldMap, dimension: int, index: Integers) -> FieldMap:
    """``torch.gather``: along one dimension, by an array that has all the others, too."""
    like = m
    varying = [d for d in range(index.ndim) if d != dimension and not _alike(index, d)]
    for d in range(index.ndim):
        if d != dimension and index.shape[d] < m.shape[d]:
            m = m.gathered(d, axis_map.pick(0), index.shape[d])
    taken = index[
        tuple(slice(None) if d in (*varying, dimension) else 0 for d in range(index.ndim))
    ]
    if not varying:
        return along(m, dimension, taken.ravel())
    at = sorted([*varying, dimension])
    arrays: list[Integers] = list(np.indices(taken.shape, sparse=True))
    arrays[at.index(dimension)] = taken
    m = picked(m, at, list(np.broadcast_arrays(*arrays)), 0)
    rest = [d for d in range(index.ndim) if d not in at]
    order = [*at, *rest]
    return alike_labelled(m.permuted([order.index(d) for d in range(index.ndim)]), like)


def _alike(index: Integers, axis: int) -> bool:
    return bool((index == index.take([0], axis=axis)).all()) if index.shape[axis] else True
