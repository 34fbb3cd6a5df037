"""Units beyond the borders of a map that was written out and put together again.

A walk back from one unit reads tokens by their numbers, and there are no numbers beyond the
borders. The map is regular, though: on every axis of the input the table tells what such a unit
reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from itertools import product
from math import lcm
from operator import or_

import msgspec

from archcheck.fields.algebra.field_map import FieldMap, NotModelledError
from archcheck.fields.algebra.positions import EMPTY, Positions
from archcheck.fields.algebra.region import Box, canonical
from archcheck.fields.algebra.table import Table


class Regained(msgspec.Struct, frozen=True, gc=False):
    """A map with the factors that are lattices again."""

    map: FieldMap
    ended: tuple[int, ...]

    def parted(self, boxes: Iterable[Box]) -> tuple[tuple[Box, ...], list[Box]]:
        """The parts of some boxes of units that lie within the borders, and beyond them."""
        inside, outside = [], []
        for box in boxes:
            for factor in self.ended:
                within = box[factor].within(self.map.factors[factor].size)
                beyond = box[factor] - within
                if beyond:
                    outside.append((*box[:factor], beyond, *box[factor + 1 :]))
                box = (*box[:factor], within, *box[factor + 1 :])
            inside.append(box)
        return canonical(inside), outside

    def with_map(self, m: object) -> Regained:
        """The same with another map.

        Raises:
            NotModelledError: if the map is not cut in the same way.
        """
        alike = cut_alike(m, self.map)
        if alike is None or alike.factors != self.map.factors:
            raise NotModelledError("units beyond the borders of a map that was written out")
        return Regained(alike, self.ended)

    def read_by(self, boxes: Iterable[Box]) -> tuple[Box, ...]:
        """The input positions that boxes of units read, as products of sets on each axis."""
        tracks = self.map.tracks
        moving = [t.local if not t.local.empty or t.fixed is None else t.fixed for t in tracks]
        standing = [t.fixed or t.local for t in tracks]
        return canonical(
            tuple(_united(table, box) for table in tables)
            for box in boxes
            for tables in (moving, standing)
        )

    def inside(self, index: Sequence[int]) -> tuple[int, ...]:
        """The unit within the borders that reads what a unit beyond them reads, moved along."""
        place = list(index)
        for factor in self.ended:
            tables = (table for track in self.map.tracks for table in track.tables)
            period = lcm(*(table.values.shape[factor] for table in tables))
            last = self.map.factors[factor].size - 1
            if place[factor] < 0:
                place[factor] %= period
            elif place[factor] > last:
                place[factor] = last - (last - place[factor]) % period
        return tuple(place)

    def middle(self) -> Box:
        """One unit in the middle, with all of its channels."""
        spatial = self.map.unit_factors()
        return tuple(
            Positions(f.size // 2, 1) if at in spatial else Positions.of_bits(0, (1 << f.size) - 1)
            for at, f in enumerate(self.map.factors)
        )


def cut_alike(m: object, structure: FieldMap) -> FieldMap | None:
    """A map of the same factors as a structure, but for what is said of them; None if it has none.

    Dimensions that the map cuts into several factors may be one in the structure: channels.
    """
    if not isinstance(m, FieldMap) or m.shape != structure.shape:
        return None
    m = m.within_borders()
    for dimension, number in enumerate(structure.groups):
        if number == 1 and m.groups[dimension] > 1:
            m = m.single(dimension)
    sizes = [[factor.size for factor in one.factors] for one in (m, structure)]
    return m if m.groups == structure.groups and sizes[0] == sizes[1] else None


def _united(table: Table, box: Sequence[Positions]) -> Positions:
    """The union of a table's entries over a box of indices."""
    ranges = [
        positions.members() if table.varies(factor) else (0,)
        for factor, positions in enumerate(box)
    ]
    return reduce(or_, map(table.entry, product(*ranges)), EMPTY)
