"""The union of several maps: what an addition, a concatenation or a product depends on."""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd, prod

import numpy as np
from msgspec.structs import replace

from archcheck.fields.algebra.field_map import FieldMap, NotModelledError
from archcheck.fields.algebra.positions import EMPTY
from archcheck.fields.algebra.reshape import together
from archcheck.fields.algebra.table import Factor, Table, Values, union
from archcheck.fields.algebra.track import Track

WRITTEN_MARGIN = 96
"""How far beyond the real borders maps are continued that have no closed form together."""


def merged(maps: Sequence[FieldMap], shape: Sequence[int]) -> FieldMap:
    """The union of maps that broadcast to ``shape``."""
    aligned = [_with_rank(m, len(shape)) for m in maps]
    shape = tuple(shape)
    if not all(_alike_throughout(m, aligned[0], shape) for m in aligned):
        for dimension, size in enumerate(shape):
            aligned = _align(aligned, dimension, size)
    factors = aligned[0].factors
    tracks = [[m.tracks[axis] for m in aligned] for axis in range(len(aligned[0].tracks))]
    moving = [_moving(axis) for axis in tracks]
    for factor, description in enumerate(factors):
        if not description.lattice:
            continue
        for axis, tables in zip(tracks, moving, strict=True):
            if _disagree(tables, factor):
                cut = _standing_still(axis, factor)
                if cut is not None:
                    return merged([m.pinned(cut, WRITTEN_MARGIN) for m in aligned], shape)
                # What continues at different rates is written out, some way beyond the borders.
                return merged([m.pinned(factor, WRITTEN_MARGIN) for m in aligned], shape)
    return FieldMap(factors, aligned[0].groups, tuple(_union(axis) for axis in tracks))


def _alike_throughout(m: FieldMap, first: FieldMap, shape: tuple[int, ...]) -> bool:
    """Whether aligning would leave a map as it is: most operands have one index in common."""
    if m.shape != shape or m.groups != first.groups:
        return False
    return m.factors is first.factors or m.factors == first.factors


def concatenated(maps: Sequence[FieldMap], dimension: int) -> FieldMap:
    """The maps concatenated along a dimension."""
    maps = [m for m in maps if m.shape[dimension]] or maps[:1]
    if len(maps) == 1:
        return maps[0]
    sizes = [m.shape[dimension] for m in maps]
    shape = [max(m.shape[d] for m in maps) for d in range(len(maps[0].groups))]
    shape[dimension] = sum(sizes)
    if _begin_alike(maps) and not any(m.varies_along(dimension) for m in maps):
        widened = [_constant_along(m, dimension, shape[dimension]) for m in maps]
        if len({_signature(m) for m in widened}) == 1:
            return merged(widened, shape)
    # Channels that are alike are kept as one entry: the stretches are put together in grains.
    grain = gcd(*(_grain(m, dimension) for m in maps))
    split = [_in_grains(m, dimension, grain) for m in maps]
    stretches = []
    before = 0
    for m, size in zip(split, sizes, strict=True):
        stretches.append(placed(m, dimension, before, size // grain, shape[dimension] // grain))
        before += size // grain
    whole = merged(stretches, _cut(tuple(shape), dimension, grain))
    return together(whole, dimension)


def _begin_alike(maps: Sequence[FieldMap]) -> bool:
    """Whether the first entries agree: where they do not, the maps are surely not the same."""
    firsts = [[next(iter(t.local.values.flat), EMPTY) for t in m.tracks] for m in maps]
    return all(first == firsts[0] for first in firsts[1:])


def _cut(shape: tuple[int, ...], dimension: int, grain: int) -> list[int]:
    return [*shape[:dimension], shape[dimension] // grain, grain, *shape[dimension + 1 :]]


def _alike(m: FieldMap, dimension: int) -> list[int]:
    """The last factors of a dimension along which the fields do not vary."""
    trailing: list[int] = []
    for factor in reversed(range(len(m.factors))[m.span(dimension)]):
        if m.factors[factor].lattice or m.varies(factor):
            break
        trailing.append(factor)
    return trailing


def _grain(m: FieldMap, dimension: int) -> int:
    """How many neighbours along a dimension are surely alike, as a divisor of its length."""
    return prod(m.factors[factor].size for factor in _alike(m, dimension))


def _in_grains(m: FieldMap, dimension: int, grain: int) -> FieldMap:
    """A dimension as two, the second of ``grain`` neighbours that are alike."""
    trailing = _alike(m, dimension)
    behind = [m.factors[factor] for factor in trailing]
    spatial = any(factor.spatial and factor.part != "inner" for factor in behind)
    part = "whole"
    if len(trailing) == m.groups[dimension]:  # the first factor decides
        spatial = dimension in m.spatial_dimensions()
        part = "inner" if spatial else "whole"  # grains are no axis of their own
    total = _grain(m, dimension)
    for factor in trailing:
        m = m.dropped(factor, dimension)
    m = m.with_new(dimension + 1)
    if grain > 1:
        m = m.widened(dimension + 1, Factor(grain, False, spatial, part))
    if total > grain:
        last = m.span(dimension).stop
        m = m.widened(dimension, Factor(total // grain, False, spatial), at=last)
    return m


def _signature(m: FieldMap) -> tuple[object, ...]:
    def of_table(table: Table) -> tuple[object, ...]:
        return table.steps, table.values.shape, tuple(table.values.flat)

    return m.factors, tuple((of_table(t.local), t.fixed and of_table(t.fixed)) for t in m.tracks)


def _constant_along(m: FieldMap, dimension: int, size: int) -> FieldMap:
    spatial = dimension in m.spatial_dimensions()
    return m.joined([dimension], -1).grown(dimension, size, spatial=spatial)


def placed(m: FieldMap, dimension: int, before: int, size: int, total: int) -> FieldMap:
    """A map as part of a longer dimension; the units around it do not depend on the input."""
    # Only the units of its own stretch hold anything; the union then puts the stretches together.
    spatial = dimension in m.spatial_dimensions()
    result = m.single(dimension)
    if not result.groups[dimension]:
        result = result.widened(dimension, Factor(1, False, spatial))
    factor = result.span(dimension).start
    result = result.pinned(factor)

    def place(table: Table) -> Table:
        values: Values = table.values
        shape = list(values.shape)
        shape[factor] = total
        wide = np.empty(shape, dtype=object)
        wide.fill(EMPTY)
        index = [slice(None)] * values.ndim
        index[factor] = slice(before, before + size)
        wide[tuple(index)] = values
        return Table(wide, table.steps)

    tracks = result.mapped(place)
    factors = list(result.factors)
    factors[factor] = replace(factors[factor], size=total)
    return FieldMap(tuple(factors), result.groups, tracks)


def _with_rank(m: FieldMap, rank: int) -> FieldMap:
    missing = rank - len(m.groups)
    return replace(m, groups=(0,) * missing + m.groups) if missing else m


def _align(maps: list[FieldMap], dimension: int, size: int) -> list[FieldMap]:
    """Give a dimension the same factors in all maps."""
    if size == 1 and not any(m.groups[dimension] for m in maps):
        return maps

    def factors(m: FieldMap) -> tuple[Factor, ...]:
        return m.factors[m.span(dimension)]

    if size > 1:
        maps = [
            m.all_fixed(dimension) if m.shape[dimension] == 1 and factors(m) else m for m in maps
        ]
    if len({tuple(f.size for f in factors(m)) for m in maps if factors(m)}) == 1:
        for place in range(max(len(factors(m)) for m in maps)):
            maps = _ending_alike(maps, dimension, place)
    if (
        len({tuple((f.size, f.lattice, f.margin) for f in factors(m)) for m in maps if factors(m)})
        > 1
    ):
        maps = [m.single(dimension) if factors(m) else m for m in maps]
        kinds = {(f.size, f.lattice, f.margin) for m in maps for f in factors(m)}
        if len(kinds) > 1:
            bounded = [f.margin for m in maps for f in factors(m) if not f.lattice]
            margin = min(bounded, default=0)
            maps = [m.pinned(m.span(dimension).start, margin) if factors(m) else m for m in maps]
            if len({f.size for m in maps for f in factors(m)}) > 1:
                raise NotModelledError("operands whose positions do not match")
    pattern = max((factors(m) for m in maps if factors(m)), key=_known, default=())
    matching = zip(*(factors(m) for m in maps if factors(m)), strict=True)
    pattern = tuple(map(_labelled, pattern, matching))
    if not pattern and size > 1:  # a constant operand alone is that long
        pattern = (Factor(size, False, False),)
    result = []
    for m in maps:
        if not factors(m):
            for factor in reversed(pattern):
                m = m.widened(dimension, factor)
        span = m.span(dimension)
        unified = tuple(
            replace(f, spatial=like.spatial, part=like.part, fused=like.fused, ended=like.ended)
            for f, like in zip(m.factors[span], pattern, strict=True)
        )
        result.append(
            replace(m, factors=(*m.factors[: span.start], *unified, *m.factors[span.stop :]))
        )
    return result


def _labelled(factor: Factor, matching: tuple[Factor, ...]) -> Factor:
    """A factor labelled as matching ones of several maps are together.

    Places in a window beside channels are channels; beside an axis of space they are space.
    """
    decisive = [f for f in matching if f.part != "inner"] or matching
    part = next((f.part for f in decisive if f.spatial), None)
    return replace(factor, spatial=part is not None, part=part or "whole")


def _known(factors: tuple[Factor, ...]) -> tuple[int, bool]:
    """How many axes some factors are known to hold, and whether they were lattices."""
    return sum(len(f.fused) for f in factors), any(f.ended for f in factors)


def _ending_alike(maps: list[FieldMap], dimension: int, place: int) -> list[FieldMap]:
    """Factors of one size that end at the borders in all maps if they do in one."""
    at = [m.span(dimension).start + place if m.groups[dimension] else None for m in maps]
    matching = [m.factors[f] for m, f in zip(maps, at, strict=True) if f is not None]
    bounded = [f.margin for f in matching if not f.lattice]
    if not bounded:
        return maps
    margin = min(bounded)
    return [m if f is None else m.pinned(f, margin) for m, f in zip(maps, at, strict=True)]


def _moving(tracks: list[Track]) -> list[Table]:
    return [t.local for t in tracks if any(t.local.steps) and not t.local.empty]


def _disagree(moving: list[Table], factor: int) -> bool:
    """Whether fields that move do so at different rates along a lattice factor."""
    # A rate is a step for each period; the fractions are compared without being made.
    ends = [(table.steps[factor], table.values.shape[factor]) for table in moving]
    return any(step * ends[0][1] != ends[0][0] * period for step, period in ends)


def _standing_still(tracks: list[Track], factor: int) -> int | None:
    """Another factor to cut so that what stands still along ``factor`` moves along none.

    In an attention's scores one operand moves with the query only, the other with the key only.
    """
    moving = [table for table in _moving(tracks) if table.steps[factor]]
    still = [table for table in _moving(tracks) if not table.steps[factor]]
    if len({table.rate(factor) for table in moving}) != 1:
        return None
    for other in range(len(tracks[0].local.steps)):
        if any(t.steps[other] for t in still) and not any(t.steps[other] for t in moving):
            return other
    return None


def _union(tracks: list[Track]) -> Track:
    locals_ = [t.local for t in tracks if not t.local.empty]
    fixed = [t.fixed for t in tracks if t.fixed is not None]
    moving = [table for table in locals_ if table.moves()]
    if moving:
        fixed += [table for table in locals_ if not table.moves()]
        locals_ = moving
    joined = [t.joined_by for t in tracks if t.joined_by is not None]
    dimensions = tracks[0].local.values.ndim
    return Track(
        union(locals_) if locals_ else Table.constant(EMPTY, dimensions),
        union(fixed) if fixed else None,
        min(joined) if joined else None,
    )
