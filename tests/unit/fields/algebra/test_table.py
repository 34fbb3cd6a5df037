"""Tables of sets, and maps of their axes, compared with plain sets, index by index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from archcheck.fields.algebra.axis_map import CLAMP, DROP, REFLECT, WRAP, AxisMap
from archcheck.fields.algebra.positions import Positions
from archcheck.fields.algebra.table import Factor, Table, union

Index = Sequence[int]


def at(table: Table, index: Index) -> frozenset[int]:
    """The set at an index: the meaning of a table, in one place."""
    place, shift = [], 0
    for factor, i in enumerate(index):
        turn, phase = divmod(i, table.values.shape[factor])
        place.append(phase)
        shift += turn * table.steps[factor]
    entry: Positions = table.values[tuple(place)]
    return frozenset(member + shift for member in entry.members())


small = st.frozensets(st.integers(-6, 9), max_size=4)
LATTICE = range(-7, 14)


@st.composite
def tables(draw: Any, *, period: int | None = None, step: int | None = None) -> Table:
    """Two factors: a lattice one, and a bounded one of three indices (or that does not vary)."""
    rows = draw(st.integers(1, 4)) if period is None else period
    columns = draw(st.sampled_from([1, 3]))
    pool = [Positions.of(draw(small)), Positions.of(draw(small))]  # so that phases may be alike
    values = np.empty((rows, columns), dtype=object)
    for index in np.ndindex(rows, columns):
        values[index] = draw(st.sampled_from(pool)) + draw(st.sampled_from([0, 0, 1]))
    return Table(values, (draw(st.integers(-4, 6)) if step is None else step, 0))


@st.composite
def gathers(draw: Any, borders: Sequence[str] = (DROP,)) -> AxisMap:
    period = draw(st.integers(1, 3))
    taps = st.lists(st.integers(-5, 5), max_size=3, unique=True).map(tuple)
    advance = draw(st.integers(-3, 4).filter(bool))
    every = tuple(draw(taps) for _ in range(period))
    return AxisMap(period, advance, every, draw(st.sampled_from(list(borders))))


def same(a: Table, b: Table, indices: range = LATTICE) -> bool:
    return all(at(a, (i, j)) == at(b, (i, j)) for i in indices for j in range(3))


@given(tables(), st.integers(1, 4))
def test_a_longer_period_is_the_same_table(table: Table, turns: int) -> None:
    longer = table.tiled(0, table.values.shape[0] * turns)
    assert longer.values.shape[0] == table.values.shape[0] * turns
    assert same(longer, table)
    shortest = longer.reduced(0)
    assert same(shortest, table)
    assert shortest.values.shape[0] <= table.values.shape[0]


@given(tables(), st.integers(1, 12))
def test_pinning_writes_out_the_real_indices(table: Table, size: int) -> None:
    pinned = table.pinned(0, size)
    assert pinned.steps == (0, 0)
    assert pinned.values.shape[0] == (size if table.varies(0) else 1)
    assert same(pinned, table, range(size))


@given(tables(), gathers(), st.integers(1, 9))
def test_gathering_on_a_lattice(table: Table, gather: AxisMap, size: int) -> None:
    result = table.gathered(0, gather, Factor(size, True, True), Factor(size, True, True))
    for output in LATTICE:
        for j in range(3):
            expected = [at(table, (i, j)) for i in gather.reads(output)]
            assert at(result, (output, j)) == frozenset().union(*expected)


@given(tables(), gathers((DROP, CLAMP, WRAP, REFLECT)), st.integers(2, 8), st.integers(1, 8))
def test_gathering_within_borders(table: Table, gather: AxisMap, size: int, output: int) -> None:
    pinned = table.pinned(0, size)
    result = pinned.gathered(0, gather, Factor(size, False, True), Factor(output, False, True))
    for o in range(output):
        for j in range(3):
            expected = [at(pinned, (i, j)) for i in gather.reads_within(o, size)]
            assert at(result, (o, j)) == frozenset().union(*expected)


@given(tables(), gathers(), st.integers(1, 6))
def test_gathering_and_pinning_commute_away_from_borders(
    table: Table, gather: AxisMap, output: int
) -> None:
    reads = [i for o in range(output) for i in gather.reads(o)]
    size = max([*reads, 0]) + 1
    if min([*reads, 0]) < 0:
        return
    endless, real = Factor(size, True, True), Factor(size, False, True)
    first = table.gathered(0, gather, endless, Factor(output, True, True)).pinned(0, output)
    second = table.pinned(0, size).gathered(0, gather, real, Factor(output, False, True))
    assert same(first, second, range(output))


@given(gathers(), st.integers(2, 9), st.integers(0, 8))
def test_borders_are_those_of_numpy(gather: AxisMap, size: int, output: int) -> None:
    for border, mode in ((CLAMP, "edge"), (WRAP, "wrap"), (REFLECT, "reflect")):
        bordered = AxisMap(gather.period, gather.advance, gather.taps, border)
        padded = np.pad(np.arange(size), 40, mode=mode)  # type: ignore[call-overload]
        expected = [int(padded[40 + i]) for i in gather.reads(output)]
        assert bordered.reads_within(output, size) == expected
    inside = [i for i in gather.reads(output) if 0 <= i < size]
    assert gather.reads_within(output, size) == inside


@given(tables(), st.integers(1, 4), st.integers(1, 5))
def test_a_factor_split_in_two(table: Table, outer: int, inner: int) -> None:
    split = table.split(0, outer, inner, lattice=True)
    for o in LATTICE:
        for r in range(inner):
            for j in range(3):
                assert at(split, (o, r, j)) == at(table, (o * inner + r, j))
    again = split.fused(0, inner, lattice=True, outer=outer)
    assert same(again, table)
    bounded = table.pinned(0, outer * inner).split(0, outer, inner, lattice=False)
    for o in range(outer):
        for r in range(inner):
            assert at(bounded, (o, r, 0)) == at(table, (o * inner + r, 0))
    back = bounded.fused(0, inner, lattice=False, outer=outer)
    assert same(back, table, range(outer * inner))


@given(tables(), st.integers(1, 5))
def test_a_bounded_factor_fused_into_a_lattice(table: Table, rows: int) -> None:
    fused = table.fused(0, 3, lattice=True, outer=rows)
    for o in LATTICE:
        for r in range(3):
            assert at(fused, (3 * o + r,)) == at(table, (o, r))


@given(st.data(), st.integers(1, 3), st.integers(-3, 4))
def test_unions_of_tables_that_move_alike(data: st.DataObject, period: int, step: int) -> None:
    turns = [data.draw(st.integers(1, 3)) for _ in range(3)]
    parts = [data.draw(tables(period=period * turn, step=step * turn)) for turn in turns]
    if not all(part.varies(0) for part in parts):
        return
    whole = union(parts)
    for i in LATTICE:
        for j in range(3):
            assert at(whole, (i, j)) == frozenset().union(*(at(part, (i, j)) for part in parts))


@given(tables(), st.integers(1, 9))
def test_joining_is_the_union_over_the_real_indices(table: Table, size: int) -> None:
    joined = table.joined(0, Factor(size, True, True))
    assert not joined.varies(0)
    for j in range(3):
        assert at(joined, (0, j)) == frozenset().union(*(at(table, (i, j)) for i in range(size)))
    across = table.joined(1, Factor(3, False, False))
    for i in LATTICE:
        assert at(across, (i, 0)) == at(table, (i, 0)) | at(table, (i, 1)) | at(table, (i, 2))


@given(tables(), st.integers(1, 9), st.integers(0, 30), gathers())
def test_a_margin_says_what_lies_beyond_the_borders(
    table: Table, size: int, margin: int, gather: AxisMap
) -> None:
    output = size
    left = gather.margin_left(size, margin, output)
    source = Factor(size, False, True, margin=margin)
    target = Factor(output, False, True, margin=left)
    endless = table.gathered(0, gather, Factor(size, True, True), Factor(output, True, True))
    if margin == 0 or not all(
        -margin <= i < size + margin for o in range(output) for i in gather.reads(o)
    ):
        return
    written = table.pinned(0, size, margin).gathered(0, gather, source, target)
    for index in range(-left, output + left):
        for j in range(3):
            expected = at(endless, (index, j))
            assert at(written, (index + left if written.varies(0) else 0, j)) == expected
