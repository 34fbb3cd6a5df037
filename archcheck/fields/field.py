"""The fields of the units at one location of a network, and the set of one unit."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from archcheck.fields.algebra.field_map import FieldMap, NotModelledError
from archcheck.fields.algebra.positions import Positions
from archcheck.fields.algebra.region import Region
from archcheck.fields.axis_field import (
    AxisField,
    Hull,
    axis_field,
    check_unit,
    unit_positions,
    widest_unit,
)
from archcheck.fields.locations import MapLocation
from archcheck.fields.walks import UnknownField, Walks
from archcheck.markdown_text import escaped, table
from archcheck.network import Network, Op
from archcheck.network.inputs import Input
from archcheck.phrases import per_axis, size_text


class Field:
    """The receptive field of the units at one location of a network.

    All figures are tuples with one entry for each spatial axis of the input (height before
    width), in input positions.

    Raises:
        UnknownField: if an operation in front of the location is not modelled.
    """

    def __init__(self, walks: Walks, location: MapLocation) -> None:
        self._walks = walks
        self.location = location
        self.map = walks.map_at(location)
        self.axes: tuple[AxisField, ...] = tuple(
            axis_field(self.map, axis) for axis in range(len(self.map.tracks))
        )

    def __repr__(self) -> str:
        figures = f"{size_text(self.size)}, jump {self.jump_text}" if self.axes else "no axes"
        return f"<Field at {self.location.name}: {figures}>"

    def _repr_markdown_(self) -> str:
        """What a notebook shows: the figures of each axis."""
        named = self.input.position_names or tuple(map(str, range(len(self.axes))))
        figures = zip(named, self.size, self.jump, self.start, self.coverage, strict=True)
        rows = [
            (name, f"{size:,}", *("–" if v is None else str(v) for v in where), _percent(share))
            for name, size, *where, share in figures
        ]
        head = f"receptive field at {self.location.name}: {size_text(self.size)}"
        titles = ("axis", "size", "jump", "start", "coverage")
        return "\n".join([f"**{escaped(head)}**", "", *table(titles, rows, " nnnn"), ""])

    @property
    def network(self) -> Network:
        """The network that the location is in."""
        return self._walks.network

    @property
    def input(self) -> Input:
        """What is said of the input that positions are counted in."""
        return self.network.given_tensors[self._walks.input_index]

    @property
    def size(self) -> tuple[int, ...]:
        """Theoretical size: the side of the largest unit's hull, on an infinite image."""
        return tuple(axis.size for axis in self.axes)

    @property
    def largest(self) -> tuple[int, ...]:
        """The same as :attr:`size`."""
        return self.size

    @property
    def smallest(self) -> tuple[int, ...]:
        """The side of the smallest unit's hull; differs from size after upsampling."""
        return tuple(axis.smallest for axis in self.axes)

    @property
    def jump(self) -> tuple[Fraction | int | None, ...]:
        """How far the field moves when the unit's index moves by one; None if it does not."""
        return tuple(_whole(axis.jump) for axis in self.axes)

    @property
    def jump_text(self) -> str:
        """The jump as people read it: ``2``, ``2×1``, ``–`` where it does not move."""
        values = ["–" if value is None else value for value in self.jump]
        return per_axis(values) if values else "–"

    @property
    def start(self) -> tuple[Fraction | int | None, ...]:
        """The centre of unit 0's field, in input positions counted from 0."""
        return tuple(_whole(axis.start) for axis in self.axes)

    @property
    def coverage(self) -> tuple[float, ...]:
        """The share of positions inside the hull that are really read; below 1 there are holes."""
        return tuple(float(axis.coverage) for axis in self.axes)

    @cached_property
    def local(self) -> tuple[int | None, ...]:
        """The size without paths through operations that join all positions; None if none is left.

        These are global gates and pools, and attention over all tokens.
        """
        if all(axis.joined_by is None for axis in self.axes):
            return self.size
        try:
            m = self._ungated_map
        except UnknownField:
            return (None,) * len(self.axes)
        return tuple(axis_field(m, axis).size or None for axis in range(len(m.tracks)))

    @cached_property
    def _ungated_map(self) -> FieldMap:
        return self._walks.map_at(self.location, gates=False)

    def gated(self, axis: int) -> bool:
        """Whether gates and global pools widened the field on an axis, and part of it is local."""
        local = self.local[axis]
        return local is not None and local < self.size[axis]

    @property
    def is_global(self) -> bool:
        """Whether an operation in front of the location joined all positions, on every axis."""
        return bool(self.axes) and all(axis.joined_by is not None for axis in self.axes)

    @property
    def varies(self) -> bool:
        """Whether units have fields of different sizes."""
        return self.size != self.smallest

    @cached_property
    def without_stages(self) -> tuple[int, ...] | None:
        """The size without the stages that joined everything in front of layers with windows.

        As if a spatial transformer, say, handed on what it reads. None if there is no such stage,
        or the network could not do without it.
        """
        m = self._walks.without_stages(self.location)
        return None if m is None else tuple(axis_field(m, a).size for a in range(len(m.tracks)))

    @property
    def without_joins(self) -> tuple[int, ...] | None:
        """The size without what gates, or else whole stages, brought in; None if not defined."""
        local = tuple(side for side in self.local if side is not None)
        without = local if len(local) == len(self.axes) else self.without_stages
        return without if without != self.size else None

    @property
    def before_pool(self) -> Field | None:
        """The field in front of a pool that follows the head's first operation.

        Where a convolution leaves one position it begins the head, though a global pool stands
        behind it. None if there is no such pool, or the field there is the same.
        """
        if self.location.pool is None:
            return None
        op = self.network.ops[self.location.pool]
        name = f"in front of {op.module or op.kind}"
        try:
            field = Field(self._walks, MapLocation(name, (op.inputs[0],)))
        except UnknownField:
            return None
        return field if field.size != self.size else None

    @property
    def joined_by(self) -> Op | None:
        """The first operation that joined all positions; a stage stands for what is in it."""
        if self.location.stages and not self._walks.joined_before(self.location.stages[0]):
            return self.network.ops[self.location.stages[0].first]
        joining = [axis.joined_by for axis in self.axes if axis.joined_by is not None]
        return self.network.ops[min(joining)] if joining else None

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the map's spatial axes."""
        return tuple(self.map.shape[d] for d in self.map.spatial_dimensions())

    @property
    def sides(self) -> tuple[int, ...]:
        """The lengths of the input's spatial axes."""
        return self._walks.sides

    @property
    def actual_map(self) -> FieldMap:
        """The fields of all units inside the image; padding does not count."""
        return self._walks.map_at(self.location, lattice=False)

    @property
    def actual_axes(self) -> tuple[AxisField, ...]:
        """The same figures as :attr:`axes`, for the fields inside the image."""
        m = self.actual_map
        return tuple(axis_field(m, axis) for axis in range(len(m.tracks)))

    def positions(self, axis: int, unit: int | tuple[int, ...], *, gates: bool = True) -> Positions:
        """What one unit reads on one axis on an infinite image, over all of its channels.

        Without ``gates``, paths through operations that join all positions are left out.

        Raises:
            IndexError: if the map has no such unit.
        """
        index = (unit,) if isinstance(unit, int) else tuple(unit)
        return unit_positions(self.map if gates else self._ungated_map, axis, index)

    def widest(self, axis: int) -> tuple[int, ...] | None:
        """A unit with the largest field on an axis, without gates where they widen it.

        It is the one in the middle if no other field is larger; None in an empty map.
        """
        local = self.local[axis]
        if local is not None and self.gated(axis):
            return widest_unit(self._ungated_map, axis, local)
        return widest_unit(self.map, axis, self.size[axis])

    def actual(self, unit: int | tuple[int, ...] = ()) -> tuple[Hull | None, ...]:
        """The hull of what one unit really depends on, inside the image, on each axis.

        Padding does not count. ``unit`` indexes the spatial axes of the map, over all its channels;
        leave it out if there are none. A hull's ends are both included; it is None on every axis
        if the unit reads only padding.

        Raises:
            IndexError: if the map has no such unit.
        """
        sets = [self.actual_positions(axis, unit) for axis in range(len(self.axes))]
        return tuple(None if p.hull is None else Hull(*p.hull) for p in sets)

    def actual_positions(self, axis: int, unit: int | tuple[int, ...] = ()) -> Positions:
        """What one unit really depends on, inside the image, on one axis.

        Raises:
            IndexError: if the map has no such unit.
        """
        index = (unit,) if isinstance(unit, int) else tuple(unit)
        return unit_positions(self.actual_map, axis, index)

    def index(self, unit: tuple[int, ...]) -> tuple[int | None, ...]:
        """A unit's index in the tensor: a number for each dimension, None for all of it."""
        at = dict(zip(self.map.spatial_dimensions(), unit, strict=True))
        return tuple(at.get(dimension) for dimension in range(len(self.map.groups)))

    @property
    def centre(self) -> tuple[int, ...]:
        """The unit in the middle of the map (of two middle ones the later)."""
        return tuple(side // 2 for side in self.shape)

    def unit(self, unit: int | tuple[int, ...] | None = None, *, gates: bool = True) -> UnitField:
        """The exact sets of input positions that one unit depends on, holes included.

        They need not be products of sets on the axes: a 1x7 beside a 7x1 convolution reads a
        cross. They come from a walk back from the unit alone, through what each operation
        reads.

        Args:
            unit: indexes the spatial axes of the map; the one in the middle by default. A unit's
                field is that of all its channels together.
            gates: without them, paths through an operation that joins all positions of an axis
                (a squeeze-and-excite gate, a global pool, attention over all tokens) are left out.

        Raises:
            IndexError: if the map has no such unit.
            UnknownField: if too many units would have to be followed one by one.
            ValueError: if gates are left out of a strict reading.
        """
        index = (unit,) if isinstance(unit, int) else self.centre if unit is None else tuple(unit)
        if unit is None and not all(self.shape):
            raise UnknownField(f"there is no unit at {self.location.name}: the map is empty")
        check_unit(index, self.shape)
        if not gates and self._walks.normalization_joins:
            raise ValueError("gates can be left out where normalisation is, not where it joins")
        try:
            theoretical = self._walks.backward(self.location)
            actual = self._walks.backward(self.location, lattice=False)
            without = frozenset() if gates else theoretical.joins()
            found = UnitField(
                self.location,
                index,
                actual=actual.region(index, gates=gates, without=without),
                theoretical=theoretical.region(index, gates=gates),
            )
            self._check(found, gates=gates)
            return found
        except NotModelledError as error:
            raise UnknownField(f"the set at {self.location.name} is not known: {error}") from None

    def _check(self, found: UnitField, *, gates: bool) -> None:
        """Check that the walk back from a unit finds nothing that the walk forward does not.

        Raises:
            NotModelledError: if it does: one of them is wrong.
        """
        for axis, positions in enumerate(found.theoretical.axes):
            if positions - self.positions(axis, found.unit, gates=gates):
                raise NotModelledError("two ways of working it out contradict each other")


@dataclass(frozen=True, repr=False)
class UnitField:
    """What one unit depends on: the exact sets of input positions.

    ``unit`` indexes the spatial axes of the map. ``actual`` lies on the image, without
    padding; ``theoretical`` goes on beyond the borders. It holds ``actual``, except for positions
    that taps on reflected, replicated or circular padding lead to, or that ``roll`` has taken
    around a border: positions beyond the border stand for them.
    """

    location: MapLocation
    unit: tuple[int, ...]
    actual: Region
    theoretical: Region

    def __repr__(self) -> str:
        found = f"{self.theoretical.figures}; in the image {self.actual.figures}"
        return f"<UnitField of {self.unit} at {self.location.name}: {found}>"


def _whole(value: Fraction | None) -> Fraction | int | None:
    return int(value) if value is not None and value.denominator == 1 else value


def _percent(share: float) -> str:
    """A share in percent; what is not all is never rounded up to it."""
    return "100 %" if share == 1 else f"{min(100 * share, 99.9):.1f} %"
