"""Which path sets a unit's field: the chain of layers to the furthest position that it reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from itertools import pairwise, product
from math import prod
from operator import or_

from archcheck.fields.algebra.field_map import FieldMap, NotModelledError
from archcheck.fields.algebra.positions import Positions
from archcheck.fields.algebra.region import Box
from archcheck.fields.algebra.table import Factor
from archcheck.fields.algebra.track import Track
from archcheck.fields.axis_field import axis_field
from archcheck.fields.backward import BackwardWalk
from archcheck.fields.explain.growth import Link
from archcheck.fields.locations import MapLocation
from archcheck.fields.op_dependencies import OperandUnits, OutputUnits, entry
from archcheck.fields.receptive_field import ReceptiveField
from archcheck.network import Op, kinds

MOST_COMPARED = 1 << 16
"""The most units of one operand that are compared."""
LOW, HIGH = 0, 1
WINDOWS = kinds.CONVOLUTIONS | kinds.TRANSPOSED_CONVOLUTIONS | kinds.FIXED_POOLS


@dataclass(frozen=True)
class FieldPath:
    """The path from the input to a unit that sets one end of the unit's field.

    It is the lower (``end`` 0) or higher (1) end on ``axis``. ``links`` are the operations from
    the input on, each with the side of the field behind it, of the units on this path: together
    they add ``size`` - 1. ``local`` says that paths through operations that
    join all positions were left out.
    """

    axis: int
    end: int
    size: int
    links: tuple[Link, ...]
    local: bool

    @property
    def last(self) -> Op | None:
        """The last layer that added anything: a convolution or a pool with a window, if any."""
        adding = [link.op for link, more in zip(self.links, self.added, strict=True) if more]
        windows = [op for op in adding if op.kind in WINDOWS]
        return next(reversed(windows or adding), None)

    @property
    def added(self) -> tuple[int, ...]:
        """What each of the links added."""
        sizes = [1, *(link.size for link in self.links)]
        return tuple(after - before for before, after in pairwise(sizes))


def field_path(
    rf: ReceptiveField, location: MapLocation, axis: int, end: int, unit: Sequence[int]
) -> FieldPath | None:
    """The path that sets one end of a unit's theoretical field on an axis.

    Where several reach equally far it is the one whose own field is widest, then the one with
    more layers behind it. None if the unit reads no position, or there are too many units to
    compare.

    Raises:
        UnknownField: if the field is not known.
    """
    local = rf.at(location).gated(axis)
    try:
        return _Search(rf, rf.backward(location), axis, end, local).path(location, unit)
    except NotModelledError:
        return None


def widest_path(rf: ReceptiveField, location: MapLocation, axis: int) -> FieldPath | None:
    """The path that sets the lower end of the largest field on an axis, None as above.

    Raises:
        UnknownField: if the field is not known.
    """
    unit = rf.at(location).widest(axis)
    return None if unit is None else field_path(rf, location, axis, LOW, unit)


@dataclass(frozen=True)
class _Unit:
    """One unit of a tensor and the hull of its field on the axis."""

    tensor: int
    index: tuple[int, ...]
    low: int
    high: int

    @property
    def size(self) -> int:
        return self.high - self.low + 1


class _Search:
    def __init__(
        self, rf: ReceptiveField, back: BackwardWalk, axis: int, end: int, local: bool
    ) -> None:
        self.rf = rf
        self.back = back
        self.axis = axis
        self.end = end
        self.local = local
        self.walk = rf.ungated if local else rf.forward
        self.leading = self._leading_back()

    def _leading_back(self) -> set[int]:
        """The tensors from which a path leads back to the input."""
        leading = {self.back.source}
        for tensor, output in self.back.outputs.items():
            if any(operand.tensor in leading for operand in self._followed(output)):
                leading.add(tensor)
        return leading

    def _followed(self, output: OutputUnits) -> list[OperandUnits]:
        return [operand for operand in output.operands if not (self.local and operand.joins)]

    def path(self, location: MapLocation, unit: Sequence[int]) -> FieldPath | None:
        starts = []
        for tensor in self.back.targets:
            if self.back.structures.get(tensor) is not None:
                starts += self._furthest(tensor, [self.back.box(tensor, unit)])
        if not starts:
            return None
        at = max(starts, key=self._rank)
        # Other channels may reach further at the other end: what joined them adds that.
        seen = self.rf.at(location).positions(self.axis, tuple(unit), gates=not self.local)
        size = seen.size
        links: list[Link] = []
        while at.tensor != self.back.source:
            op = self.rf.forward.network.producer(at.tensor)
            output = self.back.outputs.get(at.tensor)
            if op is None or output is None:
                return None
            regained = self.back.regained.get(at.tensor)
            index = regained.inside(at.index) if regained else at.index
            box = tuple(Positions(i, 1) for i in index)
            candidates = []
            for operand in self._followed(output):
                if operand.tensor in self.leading:
                    candidates += self._furthest(operand.tensor, operand.read_by(box))
            if not candidates:
                return None
            before = max(candidates, key=self._rank)
            links.append(Link(op, at.size if links else size, self._jump(before.tensor)))
            at = before
        return FieldPath(self.axis, self.end, size, tuple(reversed(links)), self.local)

    def _rank(self, unit: _Unit) -> tuple[int, int, int]:
        furthest = -unit.low if self.end == LOW else unit.high
        return furthest, unit.size, unit.tensor

    def _furthest(self, tensor: int, boxes: Sequence[Box]) -> list[_Unit]:
        """A list of the unit in some boxes that reaches furthest; empty if no position is read."""
        m = self.walk.map(tensor)
        structure = self.back.structures[tensor]
        if not isinstance(m, FieldMap) or structure is None:
            raise NotModelledError("a tensor whose fields are not known")
        m = m.within_borders()
        track = m.tracks[self.axis]
        best: _Unit | None = None
        for box in boxes:
            choices = [_distinct(m, structure, track, d, box) for d in range(len(m.groups))]
            if prod(map(len, choices)) > MOST_COMPARED:
                raise NotModelledError("too many units to compare")
            for choice in product(*choices):
                place = {factor: i for places, _ in choice for factor, i in places}
                hull = reduce(or_, [entry(t, place) for t in track.tables]).hull
                if hull is not None:
                    unit = _Unit(tensor, tuple(i for _, own in choice for i in own), *hull)
                    if best is None or self._rank(unit) > self._rank(best):
                        best = unit
        return [] if best is None else [best]

    def _jump(self, tensor: int) -> Fraction:
        m = self.rf.forward.map(tensor)
        jump = axis_field(m, self.axis).jump if isinstance(m, FieldMap) else None
        return Fraction(1) if jump is None else jump


_Place = tuple[tuple[tuple[int, int], ...], tuple[int, ...]]
"""One index of a dimension: for the factors of the map, and for those of the structure."""


def _distinct(
    m: FieldMap, structure: FieldMap, track: Track, dimension: int, box: Box
) -> list[_Place]:
    """The indices of a box along one dimension, one for each distinct field.

    The walks forward and backward may have cut a dimension into different factors.
    """
    other_span, own_span = m.span(dimension), structure.span(dimension)
    varying = [
        f
        for f in range(other_span.start, other_span.stop)
        if any(t.varies(f) for t in track.tables)
    ]
    if not varying:
        return [((), tuple(positions.low for positions in box[own_span]))]
    members = [positions.members() for positions in box[own_span]]
    if prod(map(len, members)) > MOST_COMPARED:
        raise NotModelledError("too many units to compare")
    places: dict[tuple[tuple[int, int], ...], tuple[int, ...]] = {}
    for own in product(*members):
        place = _recounted(own, structure.factors[own_span], m.factors[other_span])
        places.setdefault(tuple((f, place[f - other_span.start]) for f in varying), own)
    return list(places.items())


def _recounted(
    own: Sequence[int], own_factors: Sequence[Factor], other_factors: Sequence[Factor]
) -> list[int]:
    """One index of a dimension, from the factors of one map to those of another.

    Raises:
        NotModelledError: if the index lies beyond a border where the other factors have none.
    """
    place = list(own)
    if [factor.size for factor in own_factors] != [factor.size for factor in other_factors]:
        number = 0
        for position, (index, factor) in enumerate(zip(own, own_factors, strict=True)):
            # Beyond its border an inner factor's index would count as one of its neighbour's.
            if position and not 0 <= index < factor.size:
                raise NotModelledError("a unit beyond the border of a dimension cut differently")
            number = number * factor.size + index
        place = [0] * len(other_factors)
        for position in reversed(range(1, len(other_factors))):
            number, place[position] = divmod(number, other_factors[position].size)
        place[0] = number
    for index, factor in zip(place, other_factors, strict=True):
        if not factor.lattice and not 0 <= index < factor.size:
            raise NotModelledError("a unit outside of a map that ends")
    return place


def joining_ops(rf: ReceptiveField, location: MapLocation) -> tuple[Op, ...]:
    """The operations in front of a location that read some axis of the image whole, in order.

    Raises:
        UnknownField: if the field is not known.
    """
    rf.at(location)
    try:
        return tuple(rf.backward(location).joining())
    except NotModelledError:
        return ()
