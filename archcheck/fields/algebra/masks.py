"""Constant masks: which units they close, and what is joined when only the others count.

A mask over queries and keys is one array for all input axes, while the fields on one axis vary
with a few factors only. So the array is first reduced to the factors that matter to a table, and
to a single entry along those where it does not differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import lcm, prod
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from archcheck.fields.algebra.field_map import FieldMap, NotModelledError
from archcheck.fields.algebra.merge import WRITTEN_MARGIN
from archcheck.fields.algebra.positions import EMPTY
from archcheck.fields.algebra.table import MOST_ENTRIES as MOST_WRITTEN
from archcheck.fields.algebra.table import TOO_LARGE, Factor, Table, union
from archcheck.fields.algebra.track import Cut, Track
from archcheck.network.constants import CUTTING

Booleans = npt.NDArray[np.bool_]
LONGEST_PERIOD = 64
"""The longest pattern that is looked for in a mask."""
MOST_ENTRIES = 1 << 20
"""The most entries that a table may get by a mask."""


# -- attaching and reading --------------------------------------------------------------------


def closed(m: FieldMap, is_open: Booleans, cut: Cut, like: FieldMap | None = None) -> FieldMap:
    """A map whose units are closed where ``is_open``, which broadcasts to its shape, is false.

    ``cut`` says how. Dimensions without factors get those of ``like``.
    """
    is_open = is_open.reshape((1,) * (len(m.groups) - is_open.ndim) + is_open.shape)
    if is_open.all():
        return replace(m, cut=None)
    for dimension, size in enumerate(is_open.shape):
        if size > 1 and m.shape[dimension] == 1:
            m = m.all_fixed(dimension)
            if like is not None and like.shape[dimension] == size:
                borrowed = like.factors[like.span(dimension)]
            else:
                borrowed = (Factor(size, False, False),)
            for factor in reversed(borrowed):
                m = m.widened(dimension, replace(factor, margin=0))
    sides: list[int] = []
    for dimension, size in enumerate(is_open.shape):
        for at in range(len(m.factors))[m.span(dimension)] if size > 1 else ():
            m = m.trimmed(at)
        factors = m.factors[m.span(dimension)]
        sides += [f.size if size > 1 else 1 for f in factors]
    values = _compressed(is_open.reshape(sides))
    for at, factor in enumerate(m.factors):
        values = _one_period(values, at) if factor.lattice else values
    return replace(m, cut=replace(cut, is_open=Table(values, (0,) * len(m.factors))))


def _one_period(is_open: Booleans, factor: int) -> Booleans:
    """A pattern that repeats itself along a factor, once; it goes on beyond the borders."""
    size = is_open.shape[factor]
    for period in range(2, min(size // 2, LONGEST_PERIOD) + 1):
        first = is_open.take(range(period), axis=factor)
        if (is_open == first.take(np.arange(size) % period, axis=factor)).all():
            return first
    return is_open


def closed_too(m: FieldMap, zeros: FieldMap) -> FieldMap:
    """A map whose units are zero where those of another of the same dimensions are, too."""
    is_open = open_units(zeros)
    if m.cut is not None:
        is_open = is_open & open_units(m)
    return closed(replace(m, cut=None), is_open, Cut(Table.constant(EMPTY, 0), 0.0), zeros)


def open_units(m: FieldMap) -> Booleans:
    """Which units are not closed: an array of the map's rank that broadcasts to its shape."""
    if m.cut is None:
        return np.ones((1,) * len(m.groups), dtype=bool)
    m = m.within_borders()
    assert m.cut is not None
    values = _written_out(m)
    sides, full = [], list(values.shape)
    for dimension in range(len(m.groups)):
        span = range(len(m.factors))[m.span(dimension)]
        varies = any(values.shape[f] > 1 for f in span)
        for f in span:
            full[f] = m.factors[f].size if varies else 1
        sides.append(prod(full[f] for f in span))
    return np.broadcast_to(values, full).reshape(sides)


def _written_out(m: FieldMap) -> Booleans:
    """Which units are not closed, by factors; along each one entry, or one for every index."""
    assert m.cut is not None
    values = m.cut.is_open.values
    for factor, description in enumerate(m.factors):
        if description.lattice and values.shape[factor] > 1:
            indices = np.arange(description.size) % values.shape[factor]
            values = values.take(indices, axis=factor)
    return values


def any_along(is_open: Booleans, axes: int | Sequence[int], *, keep: bool = True) -> Booleans:
    """Whether anything along some axes is open."""
    axis = axes if isinstance(axes, int) else tuple(axes)
    return np.asarray(np.any(is_open, axis=axis, keepdims=keep))


def _compressed(is_open: Booleans) -> Booleans:
    """One entry along every axis where all are alike."""
    for axis, size in enumerate(is_open.shape):
        if size > 1:
            first = is_open.take([0], axis=axis)
            if (is_open == first).all():
                is_open = first
    return is_open


# -- taking out -------------------------------------------------------------------------------


def settled(m: FieldMap) -> FieldMap:
    """The same map with what is closed taken out of its tables.

    A closed unit is a constant with an empty field; a unit to which a low constant was added
    depends on the same positions as before.
    """
    if m.cut is None:
        return m
    open_ = replace(m, cut=None)
    return open_ if m.cut.value is None else _emptied(open_, m.cut.is_open.values)


def without(m: FieldMap, is_open: Booleans) -> FieldMap:
    """A map whose units have an empty field where ``is_open`` is false."""
    return settled(closed(m, is_open, Cut(Table.constant(EMPTY, 0), 0.0)))


def _emptied(m: FieldMap, is_open: Booleans) -> FieldMap:
    """A map whose units have an empty field where ``is_open`` is false."""
    if prod(is_open.shape) > MOST_ENTRIES:
        raise NotModelledError("a mask of too many different entries")
    for factor, length in enumerate(is_open.shape):
        size = m.factors[factor].size
        if length == 1:
            continue
        if not m.factors[factor].lattice:
            m = m.trimmed(factor)
        elif 2 * length <= size:
            m, is_open = _tiled(m, is_open, factor)
        else:
            # What lies beyond the borders is not masked.
            m = m.pinned(factor, WRITTEN_MARGIN)
            is_open = is_open.take(np.arange(size) % length, axis=factor)
            widths = [(WRITTEN_MARGIN,) * 2 if f == factor else (0, 0) for f in range(is_open.ndim)]
            is_open = np.pad(is_open, widths, constant_values=True)
    return m.changed(m.factors, m.groups, lambda table: _kept(table, is_open))


def _tiled(m: FieldMap, is_open: Booleans, factor: int) -> tuple[FieldMap, Booleans]:
    """A map and a mask, each written down as often as makes their periods equal."""
    periods = {table.values.shape[factor] for track in m.tracks for table in track.tables}
    period = lcm(is_open.shape[factor], *periods)
    m = m.changed(m.factors, m.groups, lambda table: table.tiled(factor, period))
    return m, is_open.take(np.arange(period) % is_open.shape[factor], axis=factor)


def _kept(table: Table, is_open: Booleans) -> Table:
    return Table(_where(is_open, table.values), table.steps)


def _where(is_open: Booleans, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    shape = np.broadcast_shapes(is_open.shape, values.shape)
    if prod(shape) > MOST_WRITTEN:
        raise NotModelledError(TOO_LARGE)
    kept = np.broadcast_to(values, shape).copy()
    kept[np.broadcast_to(~is_open, kept.shape)] = EMPTY
    return kept


# -- joining ----------------------------------------------------------------------------------


def joined(m: FieldMap, dimensions: Sequence[int], op: int) -> FieldMap:
    """All units of some dimensions joined that are not closed; each is left with length one.

    Closed units have to hold zeros, or they are constants like any others.
    """
    if m.cut is None or m.cut.value != 0.0:
        return settled(m).joined(dimensions, op)
    at = _factors(m, dimensions)
    result = replace(_united(m, at, op), cut=None)
    for dimension in dimensions:
        while result.groups[dimension]:
            result = result.dropped(result.span(dimension).start, dimension)
    # Where all was closed there is a sum of zeros.
    rows = any_along(open_units(m), dimensions)
    return closed(result, rows, m.cut)


def joined_rows(m: FieldMap, dimension: int, rows: Booleans, op: int) -> FieldMap:
    """A dimension whose unit ``o`` joins those for which ``rows[o]`` is true."""
    old = m.factors[m.span(dimension)]
    behind = m.with_new(dimension)  # the results in front of what they join
    for factor in reversed(old):
        behind = behind.widened(dimension, replace(factor, margin=0))
    sides = [1] * len(behind.groups)
    sides[dimension], sides[dimension + 1] = rows.shape
    behind = closed(settled(behind), rows.reshape(sides), Cut(Table.constant(EMPTY, 0), 0.0))
    return settled(joined(behind, [dimension + 1], op)).without(dimension + 1)


def softmax(m: FieldMap, dimension: int, op: int) -> FieldMap:
    """Weights over a dimension: they depend on all of it that no mask has closed."""
    cut = m.cut
    if cut is not None and not cut.seen:
        raise NotModelledError("a mask whose values were not read")
    label = m.label(dimension, m.shape[dimension])
    if cut is None or (cut.value is not None and cut.value > -CUTTING):
        return settled(m).joined([dimension], op).grown_as(dimension, label)
    is_open = open_units(m)
    rows = any_along(is_open, dimension)
    if not rows.all():
        # A row that is low throughout has the same softmax as one without a mask.
        if cut.infinite:
            raise NotModelledError("a softmax of rows that are masked throughout")
        if cut.value is not None:
            m = without(replace(m, cut=None), is_open | rows)
        is_open = is_open | ~rows
        m = closed(m, is_open, cut)
        if m.cut is None:
            return m.joined([dimension], op).grown_as(dimension, label)
    united = _united(m, _factors(m, [dimension]), op)
    result = replace(united, cut=None)
    assert united.cut is not None
    if united.cut.is_open.values.all():
        return result
    return replace(united, cut=replace(united.cut, value=0.0, infinite=False))


def _factors(m: FieldMap, dimensions: Sequence[int]) -> list[int]:
    return [f for d in dimensions for f in range(len(m.factors))[m.span(d)]]


def _united(m: FieldMap, at: Sequence[int], op: int) -> FieldMap:
    """What is joined along some factors, in every unit of them."""
    for factor in at:
        m = m.trimmed(factor)
    m = _on_the_real_map(m, at)
    assert m.cut is not None
    is_open = _written_out(m)
    tracks = []
    for t in m.tracks:
        local, fixed, joined_by = t.local, t.fixed, t.joined_by
        reached = _joins_all(m, local, is_open, at)
        if joined_by is None and (reached or (fixed and _joins_all(m, fixed, is_open, at))):
            joined_by = op
        whole = _masked_union(local, is_open, at)
        if fixed is not None:
            fixed = _masked_union(fixed, is_open, at)
        if reached:
            fixed = whole if fixed is None else union([fixed, whole])
            whole = Table.constant(EMPTY, len(m.factors))
        tracks.append(Track(whole, fixed, joined_by))
    return replace(m, tracks=tuple(tracks))


def _on_the_real_map(m: FieldMap, at: Sequence[int]) -> FieldMap:
    """Lattice factors written out where the mask or the joined sets have no closed form.

    Windows at the borders may be closed in part, as padding is: on an infinite image all of them
    are like the one that is closed least.
    """
    for factor in at:
        if m.factors[factor].lattice and m.varies(factor):
            for other in range(len(m.factors)):
                if other != factor and any(
                    t.local.steps[factor] and t.local.steps[other] for t in m.tracks
                ):
                    m = m.pinned(other)
            m = m.pinned(factor)
    assert m.cut is not None
    needed = _needed(m, at)
    if needed and not any(m.factors[f].spatial and m.factors[f].part != "inner" for f in at):
        everywhere = any_along(m.cut.is_open.values, needed)
        alike = (m.cut.is_open.values == everywhere).all(
            axis=tuple(f for f in range(len(m.factors)) if f not in needed)
        )
        if alike.any():
            is_open = replace(m.cut.is_open, values=_compressed(everywhere))
            return replace(m, cut=replace(m.cut, is_open=is_open))
    for factor in needed:
        m = m.pinned(factor)
    return m


def _needed(m: FieldMap, at: Sequence[int]) -> list[int]:
    """The lattice factors along which what is joined differs by the mask."""
    assert m.cut is not None
    factors: set[int] = set()
    for t in m.tracks:
        for table in t.tables:
            is_open = _reduced(table, m.cut.is_open.values, at)
            factors |= {
                f
                for f, description in enumerate(m.factors)
                if description.lattice and is_open.shape[f] > 1 and f not in at
            }
    return sorted(factors)


def _reduced(table: Table, is_open: Booleans, at: Sequence[int]) -> Booleans:
    """A mask as it matters to a table: joined factors along which it does not vary are gone."""
    if table.empty:
        return np.ones((1,) * is_open.ndim, dtype=bool)
    alike = tuple(f for f in at if not table.varies(f))
    return _compressed(any_along(is_open, alike) if alike else is_open)


def _joins_all(m: FieldMap, table: Table, is_open: Booleans, at: Sequence[int]) -> bool:
    """Whether some unit sees all positions along a whole axis of the map."""
    reduced = _reduced(table, is_open, at)
    for factor in at:
        description = m.factors[factor]
        if description.spatial and description.part == "whole" and table.varies(factor):
            others = tuple(f for f in at if f != factor)
            seen = any_along(reduced, others) if others else reduced
            if bool(np.all(seen, axis=factor).any()):
                return True
    return False


def _masked_union(table: Table, is_open: Booleans, at: Sequence[int]) -> Table:
    is_open = _reduced(table, is_open, at)
    values: npt.NDArray[Any] = table.values
    if not is_open.all():
        shape = np.broadcast_shapes(values.shape, is_open.shape)
        if prod(shape) > MOST_ENTRIES:
            raise NotModelledError("a mask of too many different entries")
        values = _where(is_open, values)
    for factor in at:
        if values.shape[factor] > 1:
            values = np.bitwise_or.reduce(values, axis=factor, keepdims=True)
    return Table(values, table.steps)
