"""The fields of all units of a map, summarised on one axis of the input: size, jump, coverage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, product
from math import prod
from typing import NamedTuple

from archcheck.fields.algebra.field_map import FieldMap
from archcheck.fields.algebra.positions import EMPTY, Positions
from archcheck.fields.algebra.table import Table, united
from archcheck.phrases import shape_text


class Hull(NamedTuple):
    """The lowest and the highest position of a set, both included."""

    low: int
    high: int


@dataclass(frozen=True)
class AxisField:
    """The fields of a map's units on one axis of the input.

    All lengths are in input positions. ``size`` is the largest, ``smallest`` the smallest side of a
    field over the units; ``jump`` how far the field moves from one unit to the next, None where it
    does not move; ``start`` the centre of unit 0's field; ``coverage`` the share of the largest
    hull that is really read; ``joined_by`` the index of the operation that joined all positions,
    if any.
    """

    size: int
    smallest: int
    jump: Fraction | None
    start: Fraction | None
    coverage: Fraction
    joined_by: int | None


def axis_field(m: FieldMap, axis: int) -> AxisField:
    """Summarise the fields that a map holds on one input axis."""
    m = m.within_borders()
    track = m.tracks[axis]
    units_at = m.unit_factors()
    local = _over_space(m, track.local)
    fixed = _over_space(m, track.fixed) if track.fixed else None
    units = _units(m, local, fixed)
    sizes = [unit.size for unit in units] or [0]  # a map may be empty
    largest = max(sizes)
    coverage = [Fraction(unit.count, unit.size) for unit in units if unit.size == largest and unit]
    moving = [
        track.local.rate(factor) / _units_apart(m, factor)
        for factor in range(len(m.factors))
        if factor in units_at and track.local.steps[factor]
    ]
    first = _at_zero(local) | (EMPTY if fixed is None else _at_zero(fixed))
    return AxisField(
        size=largest,
        smallest=min(sizes),
        jump=moving[0] if len(moving) == 1 else None,
        start=Fraction(first.low + first.high, 2) if first else None,
        coverage=min(coverage, default=Fraction(1)),
        joined_by=track.joined_by,
    )


def unit_positions(m: FieldMap, axis: int, unit: tuple[int, ...]) -> Positions:
    """The positions on one input axis that a unit depends on, over all of its channels.

    ``unit`` indexes the spatial dimensions of the map.

    Raises:
        IndexError: if there is no such unit.
    """
    m = m.within_borders()
    dimensions = m.spatial_dimensions()
    check_unit(unit, [m.shape[dimension] for dimension in dimensions])
    return _at_unit(m, [_over_space(m, table) for table in m.tracks[axis].tables], unit)


def _at_unit(m: FieldMap, tables: Sequence[Table], unit: tuple[int, ...]) -> Positions:
    """The union of the entries for a unit in tables that vary along spatial factors only."""
    where = [0] * len(m.factors)
    for dimension, index in zip(m.spatial_dimensions(), unit, strict=True):
        for factor in reversed(range(len(m.factors))[m.span(dimension)]):
            index, where[factor] = divmod(index, m.factors[factor].size)
    positions = EMPTY
    for table in tables:
        positions = positions | table.entry(where)
    return positions


def widest_unit(m: FieldMap, axis: int, size: int) -> tuple[int, ...] | None:
    """A unit whose field has the given size, preferably the one in the middle; None if none has."""
    m = m.within_borders()
    tables = [_over_space(m, table) for table in m.tracks[axis].tables]
    dimensions = m.spatial_dimensions()
    middle = tuple(m.shape[dimension] // 2 for dimension in dimensions)
    alike = [
        not any(table.varies(f) for f in range(len(m.factors))[m.span(d)] for table in tables)
        for d in dimensions
    ]
    choices = [
        [at] if same else range(m.shape[d])
        for d, same, at in zip(dimensions, alike, middle, strict=True)
    ]
    if not all(m.shape[dimension] for dimension in dimensions):
        return None
    units = chain([middle], product(*choices))
    return next((u for u in units if _at_unit(m, tables, u).size == size), None)


def check_unit(unit: Sequence[int], sides: Sequence[int]) -> None:
    """Check that a map with spatial axes of these lengths has a unit.

    Raises:
        IndexError: if there is no such unit.
    """
    if len(unit) != len(sides) or not all(
        0 <= index < side for index, side in zip(unit, sides, strict=True)
    ):
        shape = shape_text(sides) if sides else "one unit without spatial axes"
        raise IndexError(f"no unit {tuple(unit)} in a map of {shape}")


def _over_space(m: FieldMap, table: Table) -> Table:
    """The union over channels: the result varies along spatial factors only."""
    units_at = m.unit_factors()
    for factor, description in enumerate(m.factors):
        if factor not in units_at and table.varies(factor):
            table = table.joined(factor, description)
    return table


def _phases(m: FieldMap, table: Table) -> list[Positions]:
    """One entry for every phase that the real map has."""
    values = table.values
    for factor, description in enumerate(m.factors):
        if values.shape[factor] > description.size:
            values = values.take(range(description.size), axis=factor)
    return list(values.flat)


def _units(m: FieldMap, local: Table, fixed: Table | None) -> list[Positions]:
    if fixed is None or fixed.empty:
        return _phases(m, local)
    if local.empty:
        return _phases(m, fixed)
    # The moving and the fixed part combine differently for every unit: take each real one.
    for factor, description in enumerate(m.factors):
        if description.lattice:
            local = local.pinned(factor, description.size)
            fixed = fixed.pinned(factor, description.size)
    return list(united([local.values, fixed.values]).flat)


def _units_apart(m: FieldMap, factor: int) -> int:
    """How many units a dimension moves on for each index of one of its factors."""
    for dimension in range(len(m.groups)):
        span = m.span(dimension)
        if span.start <= factor < span.stop:
            return prod(f.size for f in m.factors[factor + 1 : span.stop])
    return 1


def _at_zero(table: Table) -> Positions:
    entry: Positions = next(iter(table.values.flat), EMPTY)
    return entry
