"""The fields of every unit of one tensor, and how operations carry them along."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from itertools import accumulate, pairwise
from math import prod

import msgspec
import numpy as np
from msgspec.structs import replace

from archcheck.fields.algebra.axis_map import AxisMap
from archcheck.fields.algebra.labels import axes_of_both, fused_axes, picked_parts
from archcheck.fields.algebra.positions import EMPTY, Positions
from archcheck.fields.algebra.table import Factor, Table, union
from archcheck.fields.algebra.track import Cut, Track


class NotModelledError(Exception):
    """An operation moves positions in a way that is not modelled; the message says which."""


@lru_cache(maxsize=256)
def _spans_of(groups: tuple[int, ...]) -> tuple[slice, ...]:
    """Which factors make up each dimension. Most maps of a network are grouped alike."""
    ends = accumulate(groups)
    return tuple([slice(end - own, end) for end, own in zip(ends, groups, strict=True)])


@lru_cache(maxsize=1024)
def _shape_of(sizes: tuple[int, ...], groups: tuple[int, ...]) -> tuple[int, ...]:
    return tuple([prod(sizes[span]) for span in _spans_of(groups)])


@lru_cache(maxsize=1024)
def _spatial_dimensions(factors: tuple[Factor, ...], groups: tuple[int, ...]) -> tuple[int, ...]:
    windows = any(factor.part == "outer" for factor in factors)
    dimensions = []
    for dimension, span in enumerate(_spans_of(groups)):
        own = factors[span]
        first = next((factor for factor in own if factor.size > 1), own[0] if own else None)
        if first is None or not first.spatial:
            continue
        if first.part == "inner":
            behind = any(f.spatial and f.part == "outer" for f in factors[span])
            # Places among the channels stay channels.
            if not behind and (windows or dimension < 2):
                continue
        dimensions.append(dimension)
    return tuple(dimensions)


class FieldMap(msgspec.Struct, frozen=True, dict=True):
    """The fields of all units of a tensor, on every input axis.

    ``factors`` are the factors of the tensor's index in order, ``groups`` how many of them make
    up each dimension (none for a dimension of length one). Units that ``cut`` closes stay in the
    tables as long as possible.
    """

    factors: tuple[Factor, ...]
    groups: tuple[int, ...]
    tracks: tuple[Track, ...]
    cut: Cut | None = None

    # -- making -----------------------------------------------------------------------------

    @staticmethod
    def of_input(shape: Sequence[int], spatial: Sequence[int], *, lattice: bool) -> FieldMap:
        """The map of an input: every position depends on itself.

        ``spatial`` lists the dimensions that are axes of the input's space. With ``lattice`` they
        go on beyond the borders (the theoretical field), else they end there (the actual one).
        """
        factors: list[Factor] = []
        groups = []
        at: dict[int, int] = {}
        for dimension, size in enumerate(shape):
            axis = dimension in spatial
            if size == 1 and not axis:
                groups.append(0)
                continue
            at[dimension] = len(factors)
            factors.append(Factor(size, lattice and axis, axis))
            groups.append(1)
        tracks = []
        for dimension in spatial:
            side = shape[dimension]
            values = np.empty(1 if lattice else side, dtype=object)
            for index in range(len(values)):
                values[index] = Positions(index, 1)
            sides = [1] * len(factors)
            sides[at[dimension]] = len(values)
            steps = [0] * len(factors)
            steps[at[dimension]] = int(lattice)
            tracks.append(Track(Table(values.reshape(sides), tuple(steps))))
        return FieldMap(tuple(factors), tuple(groups), tuple(tracks))

    # -- asking -----------------------------------------------------------------------------

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The tensor's shape."""
        return _shape_of(tuple([factor.size for factor in self.factors]), self.groups)

    def span(self, dimension: int) -> slice:
        """Which factors make up a dimension."""
        return _spans_of(self.groups)[dimension]

    def spatial_dimensions(self) -> tuple[int, ...]:
        """The dimensions that count positions of space.

        The first factor of a dimension that is longer than one decides: height split into channels'
        offsets (a pixel shuffle) still counts positions, channels times height times width (a
        flattened map) and the positions inside a window do not, unless no windows are left or
        they stand behind.
        """
        return _spatial_dimensions(self.factors, self.groups)

    @cached_property
    def sides(self) -> tuple[int, ...]:
        """The lengths of the spatial dimensions that are longer than one."""
        return tuple([self.shape[d] for d in self.spatial_dimensions() if self.shape[d] > 1])

    @property
    def empty(self) -> bool:
        """Whether no unit depends on the input."""
        return all(table.empty for track in self.tracks for table in track.tables)

    def varies(self, factor: int) -> bool:
        """Whether the fields differ along a factor, on any axis."""
        for track in self.tracks:
            if track.local.varies(factor):
                return True
            if track.fixed is not None and track.fixed.varies(factor):
                return True
        return False

    def varies_along(self, dimension: int) -> bool:
        """Whether the fields differ along a dimension, on any axis."""
        return any(map(self.varies, range(len(self.factors))[self.span(dimension)]))

    def is_joined(self, dimension: int) -> bool:
        """Whether an operation has joined all positions of what varies along a dimension."""
        factors = range(len(self.factors))[self.span(dimension)]
        return any(
            track.joined_by is not None and any(map(table.varies, factors))
            for track in self.tracks
            for table in track.tables
        )

    def unit_factors(self) -> frozenset[int]:
        """The factors of the spatial dimensions: together they number the units."""
        return frozenset(
            factor
            for dimension in self.spatial_dimensions()
            for factor in range(len(self.factors))[self.span(dimension)]
        )

    def dimension(self, index: int) -> int:
        """A dimension counted from the front.

        Raises:
            NotModelledError: if there is no such dimension.
        """
        if not -len(self.groups) <= index < len(self.groups):
            raise NotModelledError(f"dimension {index} of {len(self.groups)}")
        return index % len(self.groups)

    # -- rearranging ------------------------------------------------------------------------

    def counting(self, dimensions: Sequence[int]) -> FieldMap:
        """The same map in which these dimensions, and no others, count positions of space."""
        if self.spatial_dimensions() == tuple(dimensions):
            return self
        m = self
        for dimension in dimensions:
            if not m.groups[dimension]:  # one unit, which may count as well
                m = m.widened(dimension, Factor(1, False, True))
        factors = list(m.factors)
        for dimension in range(len(m.groups)):
            counts = dimension in dimensions
            for at in range(len(factors))[m.span(dimension)]:
                part = "whole" if counts else factors[at].part
                factors[at] = replace(factors[at], spatial=counts, part=part)
        return replace(m, factors=tuple(factors))

    def mapped(self, change: Callable[[Table], Table]) -> tuple[Track, ...]:
        """The tracks with every table changed."""
        return tuple(
            Track(change(t.local), change(t.fixed) if t.fixed else None, t.joined_by)
            for t in self.tracks
        )

    def changed(
        self, factors: Sequence[Factor], groups: Sequence[int], change: Callable[[Table], Table]
    ) -> FieldMap:
        """A map of other factors, with every table changed."""
        cut = self.cut and replace(self.cut, is_open=change(self.cut.is_open))
        return FieldMap(tuple(factors), tuple(groups), self.mapped(change), cut)

    def permuted(self, order: Sequence[int]) -> FieldMap:
        """The dimensions in another order."""
        moved = [index for d in order for index in range(len(self.factors))[self.span(d)]]
        return self.changed(
            [self.factors[index] for index in moved],
            [self.groups[d] for d in order],
            lambda table: table.transposed(tuple(moved)),
        )

    def emptied(self) -> FieldMap:
        """A map of the same factors whose units do not depend on the input."""
        empty = Track(Table.constant(EMPTY, len(self.factors)))
        return replace(self, tracks=(empty,) * len(self.tracks), cut=None)

    def all_dropped(self) -> FieldMap:
        """A single unit without dimensions."""
        result = self
        for dimension in reversed(range(len(self.groups))):
            result = result.without(dimension)
        return result

    def split(self, factor: int, outer: int, inner: int) -> FieldMap:
        """A factor as two; index ``o * inner + r`` becomes ``(o, r)``."""
        if self.factors[factor].margin:
            return self.trimmed(factor).split(factor, outer, inner)
        old = self.factors[factor]
        if parts := picked_parts(old, outer, inner):
            first, second = parts
        elif old.fused:
            # Tokens in rows and columns: each part is an axis of its own.
            axis, *rest = old.fused
            first = Factor(outer, old.lattice, axis.spatial, ended=old.ended)
            fused = tuple(rest) if len(rest) > 1 else ()
            ended = old.ended or old.lattice
            second = Factor(inner, False, rest[0].spatial, fused=fused, ended=ended)
        else:
            part = "inner" if old.part == "inner" else "outer"
            if not old.spatial:  # channels stay channels
                part = "whole"
            first = Factor(outer, old.lattice, old.spatial, part, ended=old.ended)
            second = Factor(inner, False, old.spatial, "inner" if old.spatial else "whole")
        factors = (*self.factors[:factor], first, second, *self.factors[factor + 1 :])
        return self.changed(
            factors,
            self.groups,
            lambda table: table.split(factor, outer, inner, lattice=old.lattice),
        )

    def single(self, dimension: int) -> FieldMap:
        """The same map with exactly one factor for a dimension."""
        result = self
        while result.groups[dimension] > 1:
            start = result._next_pair(dimension)
            first, second = result.factors[start], result.factors[start + 1]
            if first.margin or second.margin:
                result = result.trimmed(start).trimmed(start + 1)
            elif first.size == 1 and not first.lattice:
                result = result.dropped(start, dimension)
            elif second.lattice:
                result = result.pinned(start + 1)
            elif first.lattice and first.size == 1 and second.size > 1:
                result = result.pinned(start)
            else:
                result = result._fused(start, dimension)
        return result

    def _next_pair(self, dimension: int) -> int:
        """The first of two factors of a dimension to fuse: parts of one axis, then the first."""
        span = self.span(dimension)
        parts = [factor.part for factor in self.factors[span]]
        pairs = [n for n, pair in enumerate(pairwise(parts)) if pair == ("outer", "inner")]
        first: int = span.start
        return first + pairs[0] if pairs else first

    def _fused(self, factor: int, dimension: int) -> FieldMap:
        first, second = self.factors[factor], self.factors[factor + 1]
        ended = not first.lattice and (first.ended or second.ended)
        one = Factor(
            first.size * second.size,
            first.lattice,
            first.spatial,
            fused=axes_of_both(first, second),
            ended=ended,
        )
        if first.size == 1 or second.size == 1:
            one = replace(one, spatial=second.spatial if first.size == 1 else first.spatial)
        turned = second.spatial and second.part == "outer"
        places = first.part == "inner" and not turned
        if places and (first.size > 1 or second.part == "inner"):
            # Places in a window, fused with what is behind them, count no windows.
            one = replace(one, part="inner")

        def fuse(table: Table) -> Table:
            return table.fused(factor, second.size, lattice=first.lattice, outer=first.size)

        groups = list(self.groups)
        groups[dimension] -= 1
        factors = (*self.factors[:factor], one, *self.factors[factor + 2 :])
        return self.changed(factors, groups, fuse)

    def pinned(self, factor: int, margin: int = 0) -> FieldMap:
        """A factor that ends at the real borders, its units written out one by one. A margin
        around them is kept on request."""
        old = self.factors[factor]
        if not old.lattice:
            return self.trimmed(factor, min(margin, old.margin))
        factor_list = list(self.factors)
        factor_list[factor] = replace(old, lattice=False, margin=margin, ended=True)
        return self.changed(
            factor_list, self.groups, lambda table: table.pinned(factor, old.size, margin)
        )

    def trimmed(self, factor: int, margin: int = 0) -> FieldMap:
        """A bounded factor with a smaller margin."""
        old = self.factors[factor]
        if old.margin == margin:
            return self
        factor_list = list(self.factors)
        factor_list[factor] = replace(old, margin=margin)
        return self.changed(
            factor_list, self.groups, lambda table: table.trimmed(factor, old.margin - margin)
        )

    def within_borders(self) -> FieldMap:
        """All bounded factors without their margins."""
        result = self
        for factor in range(len(self.factors)):
            result = result.trimmed(factor)
        return result

    # -- reading ----------------------------------------------------------------------------

    def gathered(self, dimension: int, along: AxisMap, output: int) -> FieldMap:
        """An operation along one dimension whose result has ``output`` positions there."""
        result = self.single(dimension)
        if not result.groups[dimension]:
            result = result.widened(dimension, Factor(1, False, False))
        factor = result.span(dimension).start
        source = result.factors[factor]
        if along.stays and output == source.size:
            return result
        margin = along.margin_left(source.size, source.margin, output)
        target, factors = source, result.factors
        if (output, margin) != (source.size, source.margin):
            target = replace(source, size=output, margin=margin)
            factors = (*factors[:factor], target, *factors[factor + 1 :])
        return result.changed(
            factors, result.groups, lambda table: table.gathered(factor, along, source, target)
        )

    def joined(self, dimensions: Sequence[int], op: int) -> FieldMap:
        """All positions of some dimensions joined; each of them is left with length one."""
        result = self
        for dimension in dimensions:
            while result.groups[dimension]:
                result = result._joined_factor(result.span(dimension).start, dimension, op)
        return result

    def mixed(self, dimension: int, size: int, op: int) -> FieldMap:
        """All positions of a dimension joined, for each of ``size`` results."""
        at = self.span(dimension).start
        if self.groups[dimension] == 1 and size > 1 and self.cut is None:
            old = self.factors[at]
            if old.size and not old.lattice and not old.margin and not self.varies(at):
                # Channels, which most often are alike: only their number changes.
                if old.size == size and not old.spatial and old.part == "whole":
                    return self
                factors = (*self.factors[:at], Factor(size, False, False), *self.factors[at + 1 :])
                return FieldMap(factors, self.groups, self.tracks)
        return self.joined([dimension], op).grown(dimension, size)

    def _joined_factor(self, factor: int, dimension: int, op: int) -> FieldMap:
        if self.factors[factor].margin:
            return self.trimmed(factor)._joined_factor(factor, dimension, op)
        source = self.factors[factor]
        # Joining no positions at all gives the empty set, on every axis.
        result = self if source.size else self.emptied()
        if source.lattice:
            # Where the field moves along another factor as well, no closed form is left of it.
            for other in range(len(self.factors)):
                if other != factor and any(
                    t.local.steps[factor] and t.local.steps[other] for t in self.tracks
                ):
                    result = result.pinned(other)
        whole = source.spatial and source.part == "whole"
        tracks = []
        for t in result.tracks:
            local, fixed, joined_by = t.local, t.fixed, t.joined_by
            if whole and joined_by is None and any(table.varies(factor) for table in t.tables):
                joined_by = op
            stands = local.steps[factor] != 0 if source.lattice else whole and local.varies(factor)
            local = local.joined(factor, source)
            fixed = fixed.joined(factor, source) if fixed else None
            if stands and not local.moves():
                fixed = local if fixed is None else union([fixed, local])
                local = Table.constant(EMPTY, len(result.factors))
            tracks.append(
                Track(local.removed(factor), fixed.removed(factor) if fixed else None, joined_by)
            )
        groups = list(result.groups)
        groups[dimension] -= 1
        factors = result.factors[:factor] + result.factors[factor + 1 :]
        return FieldMap(factors, tuple(groups), tuple(tracks))

    def marked_joined(self, dimension: int, op: int) -> FieldMap:
        """The same map, with a note that ``op`` joins all positions of a dimension."""
        factors = range(len(self.factors))[self.span(dimension)]
        tracks = tuple(
            replace(t, joined_by=op)
            if t.joined_by is None and any(t.local.varies(f) for f in factors)
            else t
            for t in self.tracks
        )
        return replace(self, tracks=tracks)

    def grown(self, dimension: int, size: int, *, spatial: bool = False) -> FieldMap:
        """A dimension of length one, made longer by repeating it."""
        return self.grown_as(dimension, Factor(size, False, spatial))

    def grown_as(self, dimension: int, factor: Factor) -> FieldMap:
        """A dimension of length one, as long as a factor and labelled like it."""
        result = self.all_fixed(dimension) if self.groups[dimension] else self
        return result if factor.size == 1 else result.widened(dimension, factor)

    def label(self, dimension: int, size: int) -> Factor:
        """A bounded factor of a size, with what is known of a dimension: whether it counts
        positions of space, and the axes that were fused in it."""
        if dimension not in self.spatial_dimensions():
            return Factor(size, False, False)  # places among the channels are channels
        return Factor(size, False, True, fused=fused_axes(self.factors[self.span(dimension)]))

    def all_fixed(self, dimension: int) -> FieldMap:
        """Drop a dimension's factors of length one (their fields stay as they are)."""
        result = self
        while result.groups[dimension]:
            factor = result.span(dimension).start
            result = result.pinned(factor).dropped(factor, dimension)
        return result

    def dropped(self, factor: int, dimension: int) -> FieldMap:
        """Without a factor of a dimension along which the fields do not vary."""
        groups = list(self.groups)
        groups[dimension] -= 1
        factors = self.factors[:factor] + self.factors[factor + 1 :]
        return self.changed(factors, groups, lambda table: table.removed(factor))

    def widened(self, dimension: int, factor: Factor, at: int | None = None) -> FieldMap:
        """With one more factor in a dimension (in front of the others by default), along which
        the fields do not vary."""
        at = self.span(dimension).start if at is None else at
        groups = list(self.groups)
        groups[dimension] += 1
        factors = (*self.factors[:at], factor, *self.factors[at:])
        return self.changed(factors, groups, lambda table: table.inserted(at))

    def without(self, dimension: int) -> FieldMap:
        """A dimension of length one dropped."""
        result = self.all_fixed(dimension)
        groups = result.groups[:dimension] + result.groups[dimension + 1 :]
        return replace(result, groups=groups)

    def with_new(self, dimension: int) -> FieldMap:
        """A new dimension of length one."""
        return replace(self, groups=(*self.groups[:dimension], 0, *self.groups[dimension:]))
