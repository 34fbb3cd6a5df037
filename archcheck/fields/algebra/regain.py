"""Maps that were written out and put together again: what they are a lattice of once more.

Tokens get a class token in front and lose it again, halves are exchanged, rows are stacked. While
that lasts, every unit is written out one by one. Where all units of an axis are there again and
move regularly, the map goes on beyond its borders as it did before.
"""

from __future__ import annotations

from collections.abc import Container, Sequence

import numpy as np
from msgspec.structs import replace

from archcheck.fields.algebra.field_map import FieldMap
from archcheck.fields.algebra.table import Axis, Factor, Table, Values
from archcheck.fields.algebra.track import Track

LEAST_UNITS = 2
"""The fewest units from which a movement can be told."""
LONGEST_PERIOD = 64
"""The longest pattern that is looked for in a row of units."""


def regained(m: FieldMap) -> FieldMap:
    """A map whose regular factors go on beyond the borders again, where they did before."""
    written_out = [(at, f) for at, f in enumerate(m.factors) if f.ended and not f.lattice]
    ended = [at for at, f in written_out if f.spatial and not f.margin]
    if not ended or m.cut is not None:
        return m
    m = replace(m, tracks=m.mapped(lambda table: _shortened(table, ended)))
    for factor in ended:
        m = _as_lattice(m, factor)
    return m


def _shortened(table: Table, factors: list[int]) -> Table:
    """A table with a single entry along the bounded factors on which it does not vary."""
    values = table.values
    for factor in factors:
        if values.shape[factor] > 1:
            first = values.take([0], axis=factor)
            if not np.array_equal(first, values.take([-1], axis=factor)):
                continue
            if np.array_equal(np.broadcast_to(first, values.shape), values):
                values = first
    return table if values is table.values else Table(values, table.steps)


def missing_axes(m: FieldMap) -> int:
    """How many axes the input has for which no dimension is known to count positions.

    A dimension of length one behind the samples may be one of them.
    """
    spatial = m.spatial_dimensions()
    ones = [d for d, count in enumerate(m.groups) if d and not count and d not in spatial]
    return len(m.tracks) - len(spatial) - len(ones)


def relabelled(m: FieldMap, dimensions: Container[int]) -> FieldMap:
    """A map into which units were put in a row, with these as positions of space.

    They are if they move as far on an axis of the input as along any other dimension; no more
    dimensions are than axes are missing, and if they are fewer, one holds several axes.
    ``dimensions`` are those along which units were put.
    """
    missing = missing_axes(m)
    alone = _alone(m, dimensions)
    moving = [_moving(track, alone) for track in m.tracks]
    if not any(table.varies(at) for tables in moving for table in tables for at in alone):
        return m
    reaches = [list(map(max, zip(*map(_reaches, tables), strict=True))) for tables in moving]
    furthest: dict[int, float] = {}
    for reach in reaches:
        others = max((reach[at] for at in range(len(m.factors)) if at not in alone), default=0)
        for at in alone:
            if reach[at] and reach[at] >= others:
                furthest[at] = max(reach[at], furthest.get(at, 0))
    chosen = sorted(furthest, key=lambda at: (furthest[at], at))[-missing:]
    factors = list(m.factors)
    if len(chosen) == missing:  # none holds several any more
        factors = [replace(f, fused=()) if _of_unknown_axes(f) else f for f in factors]
    for at in chosen:
        axes = 1 + (missing - len(chosen)) * (at == chosen[-1])
        fused = (Axis(0, True),) * axes if axes > 1 else ()
        factors[at] = replace(factors[at], spatial=True, part="whole", fused=fused, ended=True)
    return replace(m, factors=tuple(factors))


def in_strips(m: FieldMap, dimensions: Container[int]) -> FieldMap:
    """A map into which strips of an axis were put in a row, labelled as a reshape labels windows.

    The row moves further than the places in a strip do; it counts the strips.
    """
    for row in _alone(m, dimensions):
        for places in m.unit_factors():
            if m.factors[places].part == "whole" and _are_strips(m, row, places):
                factors = list(m.factors)
                factors[row] = replace(factors[row], spatial=True, part="outer", ended=True)
                factors[places] = replace(factors[places], part="inner")
                return replace(m, factors=tuple(factors))
    return m


def _are_strips(m: FieldMap, row: int, places: int) -> bool:
    """Whether a row moves further on its axis of the input than the places of what it holds do."""
    size = m.factors[places].size
    if m.factors[places].margin or m.factors[places].fused or 0 in m.shape:
        return False
    if not all(_read_throughout(track.local, row) for track in m.tracks):
        return False  # channels, of which only some were written
    reaches = [_reaches(track.local.pinned(places, size)) for track in m.tracks]
    moving = [reach for reach in reaches if reach[row]]
    return bool(moving) and all(reach[row] > reach[places] > 0 for reach in moving)


def _read_throughout(table: Table, factor: int) -> bool:
    """Whether at every index of a factor something is read, if anywhere."""
    others = tuple([axis for axis in range(table.values.ndim) if axis != factor])
    read = table.values.astype(bool).any(axis=others)
    return bool(read.all()) or not read.any()


def _moving(track: Track, factors: Sequence[int]) -> list[Table]:
    """The tables of a track by which units may move along some factors.

    What operations joined is one unit, however many hold it; unless it moves regularly: strips
    of a map, each of which was averaged.
    """
    fixed = track.fixed
    if fixed is None or track.joined_by is None:
        return track.tables
    strips = any(fixed.varies(at) and _period(fixed.values, at) for at in factors)
    return track.tables if strips else [track.local]


def _alone(m: FieldMap, dimensions: Container[int]) -> list[int]:
    """The factors that are a dimension each, written out, and not known to count positions."""
    followed = m.unit_factors()
    alone = [m.span(d).start for d, n in enumerate(m.groups) if n == 1 and d in dimensions]
    alone = [at for at in alone if at not in followed and m.factors[at].size >= LEAST_UNITS]
    return [at for at in alone if _written_out(m.factors[at])]


def _of_unknown_axes(factor: Factor) -> bool:
    return bool(factor.fused) and not any(axis.size for axis in factor.fused)


def _written_out(factor: Factor) -> bool:
    """Whether a factor's units are written out, and it is not several axes that are known."""
    return not (factor.lattice or factor.margin or factor.fused)


def _reaches(table: Table) -> list[float]:
    """How far the ends of the sets move along every factor, on average over the others."""
    read = table.values.astype(bool)
    ends = np.stack([_LOW(table.values), _HIGH(table.values)]).astype(float)
    last, first = np.where(read, ends, -np.inf), np.where(read, ends, np.inf)
    reaches = []
    for factor, step in enumerate(table.steps):
        apart = last.max(axis=factor + 1, initial=-np.inf) - first.min(
            axis=factor + 1, initial=np.inf
        )
        reaches.append(np.inf if step else float(apart.clip(0).mean()))
    return reaches


_LOW = np.frompyfunc(lambda positions: positions.low, 1, 1)
_HIGH = np.frompyfunc(lambda positions: positions.high, 1, 1)


def _as_lattice(m: FieldMap, factor: int) -> FieldMap:
    """The map with a factor as a lattice, if the axes of the input that move along it move
    regularly, and along no other axis of the map."""
    size = m.factors[factor].size
    others = [f for f, other in enumerate(m.factors) if other.spatial and f != factor]
    if any(track.fixed is not None and track.fixed.varies(factor) for track in m.tracks):
        return m  # what is fixed does not move
    periods = []
    for table in (table for track in m.tracks for table in track.tables):
        if not table.varies(factor):
            periods.append((1, 0))
        elif size < LEAST_UNITS or any(table.varies(other) for other in others):
            return m
        elif (regular := _period(table.values, factor)) is not None:
            periods.append(regular)
        else:
            return m
    if not any(step for _, step in periods):
        return m
    left = iter(periods)

    def change(table: Table) -> Table:
        period, step = next(left)
        steps = (*table.steps[:factor], step, *table.steps[factor + 1 :])
        return Table(table.values.take(range(period), axis=factor), steps)

    old = m.factors[factor]
    factor_list = list(m.factors)
    factor_list[factor] = Factor(size, True, old.spatial, old.part, fused=old.fused)
    return replace(m, factors=tuple(factor_list), tracks=m.mapped(change))


def _period(values: Values, factor: int) -> tuple[int, int] | None:
    """The shortest period of a table's entries along a factor, and how far it moves them.

    None if they do not repeat, or do not move.
    """
    rows = np.moveaxis(values, factor, 0).reshape(values.shape[factor], -1)
    united = np.bitwise_or.reduce(rows, axis=1)
    read = np.array([bool(positions) for positions in united])
    lows = np.array([positions.low for positions in united])
    for period in range(1, min(len(rows) // 2, LONGEST_PERIOD) + 1):
        steps = np.unique((lows[period:] - lows[:-period])[read[period:] & read[:-period]])
        if len(steps) == 1 and steps[0]:
            pairs = zip(rows[:-period].flat, rows[period:].flat, strict=True)
            if all(a + int(steps[0]) == b for a, b in pairs):
                return period, int(steps[0])
    return None
