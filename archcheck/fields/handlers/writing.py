"""Writing into a part of a tensor: ``x[:, :4] = y``."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from archcheck.fields.fieldmap import FieldMap, Track, Unfollowed
from archcheck.fields.handlers.base import Context, handles, is_tensor
from archcheck.fields.merge import merged, placed
from archcheck.fields.positions import EMPTY
from archcheck.fields.table import Factor, Table

Region = dict[int, tuple[int, int, bool]]
"""For every dimension that is written in part: first index, length, whether it is dropped."""


@handles({"setitem"})
def setitem(context: Context) -> FieldMap:
    """The written region holds the new value's fields, the rest what it held before."""
    shape = context.shape()
    region = _region(context.op.arguments.get("index"), shape)
    old, value = context.map(), context.map("value")
    like = old or value
    if like is None:
        raise Unfollowed("an assignment by a tensor index")
    base = old or nothing(like, shape)
    parts = [_emptied(base, region)]
    if value is not None:
        parts.append(_written(value, region, shape))
    return merged(parts, shape)


def nothing(like: FieldMap, shape: Sequence[int]) -> FieldMap:
    """A map of constants: no unit depends on anything."""
    factors = tuple(Factor(size, False, False) for size in shape if size != 1)
    groups = tuple(int(size != 1) for size in shape)
    empty = Track(Table.constant(EMPTY, len(factors)))
    return FieldMap(factors, groups, (empty,) * len(like.tracks))


def _region(index: object, shape: tuple[int, ...]) -> Region:
    items = list(index) if isinstance(index, list) else [index]
    if any(is_tensor(i) or isinstance(i, (list, bool)) or i is None for i in items):
        raise Unfollowed("an assignment by a tensor index")
    taken = sum(not (isinstance(i, dict) and "ellipsis" in i) for i in items)
    region: Region = {}
    dimension = 0
    for item in items:
        if isinstance(item, int):
            region[dimension] = (item % shape[dimension], 1, True)
            dimension += 1
        elif isinstance(item, dict) and "ellipsis" in item:
            dimension += len(shape) - taken
        elif isinstance(item, dict) and "slice" in item:
            if any(not isinstance(part, (int, type(None))) for part in item["slice"]):
                raise Unfollowed("a slice from a position that a tensor gives")
            start, stop, step = slice(*item["slice"]).indices(shape[dimension])
            length = len(range(start, stop, step))
            if step != 1:
                raise Unfollowed("an assignment in steps")
            if length != shape[dimension]:
                region[dimension] = (start, length, False)
            dimension += 1
        else:
            raise Unfollowed("an assignment by a tensor index")
    return region


def _emptied(m: FieldMap, region: Region) -> FieldMap:
    """A map whose units in the region depend on nothing any more."""
    for dimension in region:
        m = m.single(dimension)
        if not m.groups[dimension]:
            m = m.widened(dimension, Factor(1, False, False))
        m = m.pinned(m.span(dimension).start)
    at = {
        m.span(dimension).start: (start, length) for dimension, (start, length, _) in region.items()
    }
    sizes = {factor: m.factors[factor].size for factor in at}
    if prod(sizes.values()) > 1 << 18:
        raise Unfollowed("an assignment into a large region")

    def empty(table: Table) -> Table:
        shape = [sizes.get(f, side) for f, side in enumerate(table.values.shape)]
        values = np.broadcast_to(table.values, shape).copy()
        inside = [slice(None)] * values.ndim
        for factor, (start, length) in at.items():
            inside[factor] = slice(start, start + length)
        values[tuple(inside)] = EMPTY
        return Table(values, table.steps)

    return FieldMap(m.factors, m.groups, m.mapped(empty))


def _written(value: FieldMap, region: Region, shape: tuple[int, ...]) -> FieldMap:
    """The new value's map at its place in the whole, nothing around it."""
    sides = [region[d][1] if d in region else side for d, side in enumerate(shape)]
    kept = [side for d, side in enumerate(sides) if d not in region or not region[d][2]]
    m = merged([value], kept) if len(value.groups) <= len(kept) else value
    for dimension in sorted(region):
        if region[dimension][2]:
            m = m.with_new(dimension)
    for dimension, (start, length, _) in region.items():
        m = placed(m, dimension, start, length, shape[dimension])
    return m
