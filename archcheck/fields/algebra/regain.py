"""Maps that were written out and put together again: what they are a lattice of once more.

Tokens get a class token in front and lose it again, halves are exchanged, rows are stacked. While
that lasts, every unit is written out one by one. Where all units of an axis are there again and
move regularly, the map goes on beyond its borders as it did before.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from msgspec.structs import replace

from archcheck.fields.algebra.field_map import FieldMap
from archcheck.fields.algebra.positions import Positions
from archcheck.fields.algebra.table import Axis, Factor, Table, Values

LEAST_UNITS = 2
"""The fewest units from which a movement can be told."""
LONGEST_PERIOD = 64
"""The longest pattern that is looked for in a row of units."""


def regained(m: FieldMap) -> FieldMap:
    """A map whose regular factors go on beyond the borders again, where they did before."""
    ended = [at for at, f in enumerate(m.factors) if f.ended and f.spatial and not f.margin]
    ended = [at for at in ended if not m.factors[at].lattice]
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


def relabelled(m: FieldMap) -> FieldMap:
    """A map into which units were put in a row, with these as positions of space.

    They are if they move one after the other, on axes of the input that no other dimension follows,
    or not as far.
    """
    followed = m.unit_factors()
    alone = [m.span(d).start for d, count in enumerate(m.groups) if count == 1]
    alone = [at for at in alone if at not in followed and m.factors[at].size >= LEAST_UNITS]
    alone = [at for at in alone if _written_out(m.factors[at])]
    if not any(track.local.varies(at) for track in m.tracks for at in alone):
        return m
    bounded = [*alone, *(at for at in followed if _written_out(m.factors[at]))]
    owned: dict[int, list[list[Positions]]] = {}
    for track in m.tracks:
        table = _shortened(track.local, bounded)
        rows = {at: _row(table, at) for at in alone if table.varies(at)}
        if rows and not any(_follows(table, at) for at in followed):
            owner = max(rows, key=lambda at: _spread(rows[at]))
            owned.setdefault(owner, []).append(rows[owner])
    factors = list(m.factors)
    for at, of_axes in owned.items():
        if any(all(row) and _moves(row) for row in of_axes):
            fused = (Axis(0, True),) * len(of_axes) if len(of_axes) > 1 else ()
            factors[at] = replace(factors[at], spatial=True, part="whole", fused=fused, ended=True)
    return replace(m, factors=tuple(factors))


def _written_out(factor: Factor) -> bool:
    """Whether a factor's units are written out, and it is not several axes that are known."""
    return not (factor.lattice or factor.margin or factor.fused)


def _follows(table: Table, factor: int) -> bool:
    """Whether what is read differs along a factor, and not at the borders of the others alone.

    Units that read nothing do not count: rows that were written one beside the other leave some.
    """
    if table.steps[factor]:
        return True
    rows = np.moveaxis(table.values, factor, 0).reshape(table.values.shape[factor], -1)
    seen = np.bitwise_or.reduce(rows, axis=0)
    differ = any(
        positions and positions != all_of_them
        for row in rows
        for positions, all_of_them in zip(row, seen, strict=True)
    )
    return differ and len({positions for positions in _row(table, factor) if positions}) > 1


def _row(table: Table, factor: int) -> list[Positions]:
    """What the units along a factor read, over all others."""
    rows = np.moveaxis(table.values, factor, 0).reshape(table.values.shape[factor], -1)
    return list(np.bitwise_or.reduce(rows, axis=1))


def _spread(row: list[Positions]) -> int:
    """How far the units of a row lie apart."""
    lows = [positions.low for positions in row if positions]
    return max(lows) - min(lows) if lows else 0


def _moves(row: list[Positions]) -> bool:
    """Whether the ends of the sets move in one direction: both somewhere, or one of them evenly."""
    lows, highs = [p.low for p in row], [p.high for p in row]
    back = (lows[0], highs[0]) > (lows[-1], highs[-1])
    steps = [[b - a for a, b in pairwise(ends[::-1] if back else ends)] for ends in (lows, highs)]
    if any(min(of_ends) < 0 for of_ends in steps):
        return False
    moving = [of_ends for of_ends in steps if max(of_ends) > 0]
    return len(moving) == len(steps) or _grows(moving)


def _grows(moving: list[list[int]]) -> bool:
    """Whether one end of the sets moves evenly while the other stays: states of a recurrence."""
    return len(moving) == 1 and len(moving[0]) >= LEAST_UNITS and len(set(moving[0])) == 1


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
