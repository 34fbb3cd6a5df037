"""Fields of a whole tensor in closed form: a table of sets, and how it repeats.

A tensor's index is split into factors. Along a *bounded* factor a table holds one entry for
each index (or a single one where it does not vary). Along a *lattice* factor, which goes on beyond
the real borders, it holds one period: entry ``i + period`` is entry ``i`` moved by ``step``. So a
chain of convolutions needs a table of one entry, and a network with upsampling as many as it has
phases, whatever the size of the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property, reduce
from math import gcd, lcm
from operator import or_
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from archcheck.fields.algebra.axis_map import AxisMap
from archcheck.fields.algebra.positions import EMPTY, Positions

Values = npt.NDArray[Any]
MOST_ENTRIES = 1 << 24
"""How many sets are read at once along a factor; more take gigabytes, and minutes."""
TOO_LARGE = "the fields of its units differ too much to be written out one by one"


class Axis(NamedTuple):
    """An axis that was fused with others: its length, and whether it counts positions."""

    size: int
    spatial: bool


class Factor(msgspec.Struct, frozen=True, gc=False):
    """One factor of a tensor's index.

    ``size`` is its real size, ``lattice`` says whether it goes on beyond the borders, ``spatial``
    whether it counts positions of the input's space (rather than samples or channels), ``part``
    whether it is all of such an axis or the ``outer`` or ``inner`` part that a reshape made of it.
    A bounded factor may be known for ``margin`` positions beyond either border: its tables are
    that much longer. ``fused`` lists the axes that it holds if they are several, one of
    space at least, such as rows and columns of tokens. A bounded factor that has ``ended`` was a
    lattice whose units were written out.
    """

    size: int
    lattice: bool
    spatial: bool
    part: str = "whole"
    margin: int = 0
    fused: tuple[Axis, ...] = ()
    ended: bool = False


class Table(msgspec.Struct, frozen=True, dict=True):
    """Sets of positions on one input axis for every index of a tensor."""

    values: Values
    steps: tuple[int, ...]

    @staticmethod
    def constant(positions: Positions, factors: int) -> Table:
        """The same set everywhere."""
        values = np.empty((1,) * factors, dtype=object)
        values.fill(positions)
        return Table(values, (0,) * factors)

    @cached_property
    def empty(self) -> bool:
        """Whether all entries are empty."""
        return not any(self.values.flat)

    def varies(self, factor: int) -> bool:
        """Whether the entries differ along a factor."""
        return self.values.shape[factor] > 1 or self.steps[factor] != 0

    def rate(self, factor: int) -> Fraction:
        """How far the sets move for each index of a factor, on average."""
        return Fraction(self.steps[factor], self.values.shape[factor])

    def moves(self) -> bool:
        """Whether the sets move along any factor."""
        return any(self.steps)

    # -- shape ------------------------------------------------------------------------------

    def transposed(self, order: tuple[int, ...]) -> Table:
        """The factors in another order."""
        return Table(self.values.transpose(order), tuple(self.steps[f] for f in order))

    def inserted(self, factor: int) -> Table:
        """A new factor along which the entries do not vary."""
        steps = (*self.steps[:factor], 0, *self.steps[factor:])
        return Table(self.values[(slice(None),) * factor + (None,)], steps)

    def removed(self, factor: int) -> Table:
        """Without a factor along which the entries do not vary."""
        steps = self.steps[:factor] + self.steps[factor + 1 :]
        return Table(self.values.squeeze(factor), steps)

    def tiled(self, factor: int, period: int) -> Table:
        """The same table with a longer period along a lattice factor."""
        turns = period // self.values.shape[factor]
        if turns == 1:
            return self
        step = self.steps[factor]
        parts = [
            self.values + step * turn if step and turn else self.values for turn in range(turns)
        ]
        return Table(np.concatenate(parts, axis=factor), _put(self.steps, factor, step * turns))

    def trimmed(self, factor: int, spare: int) -> Table:
        """Without some entries at either end of a bounded factor."""
        if not spare or not self.varies(factor):
            return self
        kept = range(spare, self.values.shape[factor] - spare)
        return Table(self.values.take(kept, axis=factor), self.steps)

    def pinned(self, factor: int, size: int, margin: int = 0) -> Table:
        """A lattice factor's real indices, and a margin around them, written out one by one."""
        if not self.varies(factor):
            return self
        indices = np.arange(-margin, size + margin)
        period = self.values.shape[factor]
        values = self.values.take(indices % period, axis=factor)
        if self.steps[factor]:
            shifts = (indices // period * self.steps[factor]).astype(object)
            values = values + _along(shifts, factor, values.ndim)
        return Table(values, _put(self.steps, factor, 0))

    def split(self, factor: int, outer: int, inner: int, *, lattice: bool) -> Table:
        """A factor as two: index ``o * inner + r`` becomes ``(o, r)``."""
        values, steps = self.values, self.steps
        if not self.varies(factor):
            return self.inserted(factor + 1)
        if not lattice:
            shape = (*values.shape[:factor], outer, inner, *values.shape[factor + 1 :])
            return Table(values.reshape(shape), (*steps[:factor], 0, 0, *steps[factor + 1 :]))
        period = values.shape[factor]
        turns = period // gcd(period, inner)
        tiled = self.tiled(factor, turns * inner)
        shape = (*values.shape[:factor], turns, inner, *values.shape[factor + 1 :])
        steps = (*steps[:factor], tiled.steps[factor], 0, *steps[factor + 1 :])
        return Table(tiled.values.reshape(shape), steps)

    def fused(self, factor: int, inner: int, *, lattice: bool, outer: int) -> Table:
        """A factor and the bounded one behind it (of ``inner`` indices) as one."""
        if not self.varies(factor) and not self.varies(factor + 1):
            return self.removed(factor + 1)
        values = self.values
        rows = values.shape[factor] if lattice else outer
        shape = list(values.shape)
        shape[factor], shape[factor + 1] = rows, inner
        values = np.broadcast_to(values, shape)
        flat = values.reshape((*shape[:factor], rows * inner, *shape[factor + 2 :]))
        steps = self.steps[: factor + 1] + self.steps[factor + 2 :]
        return Table(flat, steps).reduced(factor) if lattice else Table(flat, steps)

    def reduced(self, factor: int) -> Table:
        """The same table with the shortest period along a lattice factor."""
        values, step = self.values, self.steps[factor]
        period = values.shape[factor]
        for short in range(1, period):
            if period % short or step * short % period:
                continue
            first = values.take(range(short), axis=factor)
            candidate = Table(first, _put(self.steps, factor, step * short // period))
            if np.array_equal(candidate.tiled(factor, period).values, values):
                return candidate
        return self

    # -- reading ----------------------------------------------------------------------------

    def entry(self, index: Sequence[int]) -> Positions:
        """The set of one unit, which may lie beyond the borders along a lattice factor; none where
        an axis has no elements."""
        if not self.values.size:
            return EMPTY
        shift = 0
        place = []
        for i, period, step in zip(index, self.values.shape, self.steps, strict=True):
            turn, phase = divmod(i, period)
            shift += turn * step
            place.append(phase)
        positions: Positions = self.values[tuple(place)]
        return positions + shift

    def gathered(self, factor: int, along: AxisMap, source: Factor, target: Factor) -> Table:
        """What the outputs of an operation along one factor depend on.

        Raises:
            MemoryError: if too many sets would have to be written out.
        """
        values, step = self.values, self.steps[factor]
        length = values.shape[factor]
        if source.lattice:
            if not self.varies(factor) and along.complete:
                return self
            if length == along.period == 1 and along.complete:
                moved = [values + step * tap if tap else values for tap in along.taps[0]]
                return Table(reduce(or_, moved), _put(self.steps, factor, step * along.advance))
            turns = length // gcd(abs(along.advance), length)
            outputs = along.period * turns
            indices_read = [along.reads(index) for index in range(outputs)]
            new_step = step * (turns * along.advance // length)
        else:
            outputs_at = range(-target.margin, target.size + target.margin)
            indices_read = [along.reads_within(at, source.size, source.margin) for at in outputs_at]
            if length == 1 and all(indices_read):
                return self
            new_step = 0
        width = max(map(len, indices_read), default=0)
        if width == 0:
            return Table(
                _filled(values, factor, len(indices_read)), _put(self.steps, factor, new_step)
            )
        # Rows of taps of equal length; the spare ones point at an empty entry put at the end.
        picks = np.full((len(indices_read), width), length, dtype=int)
        turns_of = np.zeros((len(indices_read), width), dtype=int)
        for row, indices in enumerate(indices_read):
            if indices:
                turn, phase = np.divmod(np.array(indices), length)
                picks[row, : len(indices)] = phase if source.lattice or length > 1 else 0
                turns_of[row, : len(indices)] = turn
        if values.size // length * picks.size > MOST_ENTRIES:
            raise MemoryError(f"more than {MOST_ENTRIES} sets of positions")
        extended = values
        if any(len(indices) < width for indices in indices_read):
            extended = np.concatenate([values, _filled(values, factor, 1)], axis=factor)
        picked = extended.take(picks, axis=factor)
        if source.lattice and step:
            shifts = (turns_of * step).astype(object)
            shape = [1] * picked.ndim
            shape[factor], shape[factor + 1] = shifts.shape
            picked = picked + shifts.reshape(shape)
        united = np.bitwise_or.reduce(picked, axis=factor + 1)
        return Table(united, _put(self.steps, factor, new_step))

    def joined(self, factor: int, source: Factor) -> Table:
        """The union over all real indices of a factor, along which it no longer varies."""
        table = self.pinned(factor, source.size) if source.lattice else self
        if table.values.shape[factor] == 1:
            return table
        if table.values.shape[factor] == 0:  # no entries to join
            return Table(_filled(table.values, factor, 1), table.steps)
        united = np.bitwise_or.reduce(table.values, axis=factor, keepdims=True)
        return Table(united, table.steps)


def union(tables: list[Table]) -> Table:
    """The union of tables whose sets move alike along every factor."""
    if len(tables) == 1:
        return tables[0]
    alike = len({table.values.shape for table in tables}) == 1
    for factor in range(0 if alike else tables[0].values.ndim):
        period = lcm(*(table.values.shape[factor] for table in tables))
        tables = [
            table.tiled(factor, period) if table.varies(factor) else table for table in tables
        ]
    return Table(united([table.values for table in tables]), tables[0].steps)


def united(arrays: Sequence[Values]) -> Values:
    """The union of arrays of sets, entry by entry; they broadcast."""
    # The union of arrays without axes is a set of its own to numpy, no array of one.
    return np.asarray(reduce(np.bitwise_or, arrays), dtype=object)


def _along(values: Values, factor: int, dimensions: int) -> Values:
    shape = [1] * dimensions
    shape[factor] = len(values)
    return values.reshape(shape)


def _filled(values: Values, factor: int, length: int) -> Values:
    shape = list(values.shape)
    shape[factor] = length
    filled = np.empty(shape, dtype=values.dtype)
    filled.fill(EMPTY if values.dtype == object else False)
    return filled


def _put(steps: tuple[int, ...], factor: int, step: int) -> tuple[int, ...]:
    return (*steps[:factor], step, *steps[factor + 1 :])
