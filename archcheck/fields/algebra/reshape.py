"""Reshaping: the same units under another shape, their fields carried along literally."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import prod
from operator import mul

from msgspec.structs import replace

from archcheck.fields.algebra.field_map import FieldMap, NotModelledError
from archcheck.fields.algebra.labels import any_offsets, as_axis
from archcheck.fields.algebra.positions import EMPTY
from archcheck.fields.algebra.table import Factor, Table
from archcheck.fields.algebra.track import Track

MOST_UNITS_BY_HAND = 1 << 18
"""The most units that are written out one by one where no closed form is left."""


def reshaped(m: FieldMap, shape: Sequence[int]) -> FieldMap:
    """The same units under another shape of as many elements.

    Raises:
        NotModelledError: if the shape has another number of elements, or too many to write out.
    """
    old = m.shape
    if prod(old) != prod(shape):
        raise NotModelledError(f"a reshape from {list(old)} to {list(shape)}")
    if not prod(shape):
        return _no_units(m, shape)
    # Dimensions that stay at either end keep their factors, those of length one too.
    first = _alike(old, tuple(shape))
    last = _alike(old[first:][::-1], tuple(shape)[first:][::-1])
    front, back = m.groups[:first], m.groups[len(m.groups) - last :]
    middle = list(shape)[first : len(shape) - last]
    spare = sum(m.groups) - sum(front) - sum(back)
    if not middle:
        # Only dimensions of length one went; what they held goes with a neighbour.
        groups = [*front, *back]
        if not groups:
            return m.all_dropped()
        groups[max(first - 1, 0)] += spare
        return replace(m, groups=tuple(groups))
    m = _in_axes(m, range(first, len(old) - last), shape)
    start = sum(front)
    cut = _regrouped(m, start, start + spare, middle, by_axes=True)
    for by_axes in (True, False) if cut is None else ():
        m = _as_one(m, range(first, len(old) - last), shape)
        spare = sum(m.groups) - sum(front) - sum(back)
        cut = cut or _regrouped(m, start, start + spare, middle, by_axes=by_axes)
    if cut is None:
        return _by_hand(m, shape)
    result, groups = cut
    return replace(result, groups=(*front, *groups, *back))


def _as_one(m: FieldMap, dimensions: range, shape: Sequence[int]) -> FieldMap:
    """One factor for each of some dimensions that the new shape cuts on its own: 8x7 positions
    that become 7x8 are one axis of 56 in between."""
    for dimension in _cut_alone(m, dimensions, shape):
        m = m.single(dimension)
    return m


def _in_axes(m: FieldMap, dimensions: range, shape: Sequence[int]) -> FieldMap:
    """A map in which each of some dimensions that are fused with others is an axis by itself."""
    fused = [d for d in dimensions if any_offsets(m.factors[m.span(d)])]
    alone = _cut_alone(m, dimensions, shape) if fused else ()
    for dimension in fused:
        if dimension not in alone:
            span = m.span(dimension)
            axis = as_axis(m.factors[span])
            m = replace(m, factors=(*m.factors[: span.start], *axis, *m.factors[span.stop :]))
    return m


def _cut_alone(m: FieldMap, dimensions: range, shape: Sequence[int]) -> list[int]:
    """The dimensions whose borders are borders in a new shape, too."""
    borders = set(accumulate(shape, mul, initial=1))
    ends = list(accumulate(m.shape, mul, initial=1))
    return [d for d in dimensions if borders >= {ends[d], ends[d + 1]}]


def divided(m: FieldMap, dimension: int, inner: int) -> FieldMap:
    """A dimension as two, the second of length ``inner``; all others stay as they are."""
    span = m.span(dimension)
    sizes = [m.shape[dimension] // inner, inner]
    cut = _regrouped(m, span.start, span.stop, sizes, by_axes=True)
    if cut is None:
        m = m.single(dimension)
        span = m.span(dimension)
        cut = _regrouped(m, span.start, span.stop, sizes, by_axes=False)
    if cut is None:
        raise NotModelledError(f"{m.shape[dimension]} positions as {sizes[0]} times {inner}")
    result, groups = cut
    return replace(result, groups=(*m.groups[:dimension], *groups, *m.groups[dimension + 1 :]))


def together(m: FieldMap, dimension: int) -> FieldMap:
    """A dimension and the one behind it as one."""
    groups = m.groups
    both = groups[dimension] + groups[dimension + 1]
    return replace(m, groups=(*groups[:dimension], both, *groups[dimension + 2 :]))


def _regrouped(
    m: FieldMap, at: int, end: int, sizes: Sequence[int], *, by_axes: bool
) -> tuple[FieldMap, list[int]] | None:
    """The factors from ``at`` to ``end`` split so that they make up dimensions of ``sizes``, and
    how many make up each; None where a border would cut through a factor.

    ``by_axes`` first takes apart axes that were fused, where all are as long as they were.
    """
    groups = []
    for number, size in enumerate(sizes):
        if _ones(sizes[number:]) > _ones([factor.size for factor in m.factors[at:end]]):
            # Of several dimensions of length one the last ones hold the factors: axes of space
            # stand behind samples and channels.
            groups.append(0)
            continue
        filled, start = 1, at
        while filled < size or (size == 1 and at == start and at < end):
            if at >= end:
                return None
            side = m.factors[at].size
            if size == 1 and side != 1:
                break
            axes = m.factors[at].fused if by_axes else ()
            if axes and filled * side > size and prod(axis.size for axis in axes) == side:
                m, end = m.split(at, axes[0].size, side // axes[0].size), end + 1
                continue
            if filled * side > size:
                outer = size // filled
                if size % filled or side % outer:
                    return None
                m = m.split(at, outer, side // outer)
                side, end = outer, end + 1
            filled *= side
            at += 1
        if filled != size:
            return None
        groups.append(at - start)
    groups[-1] += end - at  # trailing factors of length one go with the last dimension
    return m, groups


def _alike(old: tuple[int, ...], new: tuple[int, ...]) -> int:
    """How many dimensions in front are the same, up to a row of ones that is longer in one."""
    count = 0
    for own, other in zip(old, new, strict=False):
        if own != other or (own == 1 and _ones(old[count:]) != _ones(new[count:])):
            break
        count += 1
    return count


def _no_units(m: FieldMap, shape: Sequence[int]) -> FieldMap:
    factors = tuple(Factor(size, False, False) for size in shape)
    empty = Track(Table.constant(EMPTY, len(factors)))
    return FieldMap(factors, (1,) * len(factors), (empty,) * len(m.tracks))


def _ones(sizes: Sequence[int]) -> int:
    """How many ones there are in front."""
    return next((n for n, size in enumerate(sizes) if size != 1), len(sizes))


def _by_hand(m: FieldMap, shape: Sequence[int]) -> FieldMap:
    """All positions written out and cut literally, where the new borders cut through factors."""
    if prod(shape) > MOST_UNITS_BY_HAND:
        raise NotModelledError(f"a reshape from {list(m.shape)} to {list(shape)}")
    flat = replace(m.within_borders(), groups=(len(m.factors),)).single(0)
    if not flat.factors:
        return FieldMap((), (0,) * len(shape), flat.tracks, flat.cut)
    spatial = flat.factors[0].spatial
    flat = flat.pinned(0)

    def cut(table: Table) -> Table:
        sides = tuple(shape) if table.varies(0) else (1,) * len(shape)
        return Table(table.values.reshape(sides), (0,) * len(shape))

    factors = tuple(Factor(size, False, spatial) for size in shape)
    return flat.changed(factors, (1,) * len(shape), cut)
