"""The walks through one network from which its fields follow."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from archcheck.fields.algebra.field_map import FieldMap
from archcheck.fields.algebra.merge import merged
from archcheck.fields.backward import BackwardWalk
from archcheck.fields.forward import Cause, ForwardWalk, UnknownMap
from archcheck.fields.gates import UngatedWalk
from archcheck.fields.handlers import Reading
from archcheck.fields.heads import Stage
from archcheck.fields.locations import MapLocation
from archcheck.network import Network


class UnknownField(Exception):
    """The receptive field at a location is not known.

    ``causes`` are the operations that are not modelled, the first of them named in the message.
    """

    def __init__(self, message: str, causes: tuple[Cause, ...] = ()) -> None:
        super().__init__(message)
        self.causes = causes


class Walks:
    """The walks forward and backward, on an infinite image and within borders, each made once."""

    def __init__(self, network: Network, input_index: int, *, normalization_joins: bool) -> None:
        self.network = network
        self.input_index = input_index
        self.normalization_joins = normalization_joins
        self.forward = ForwardWalk(network, Reading(True, normalization_joins), input_index)
        self._backward: dict[tuple[tuple[int, ...], bool], BackwardWalk] = {}

    @cached_property
    def forward_in_image(self) -> ForwardWalk:
        """The walk within the image's borders."""
        return ForwardWalk(self.network, Reading(False, self.normalization_joins), self.input_index)

    def without_stages(self, location: MapLocation) -> FieldMap | None:
        """The fields at a location as if the stages in front of it handed on what they read.

        None if there are no stages, or what one gives has another shape than what it reads.
        """
        stages = location.stages
        if not stages or not all(stage.passable for stage in stages):
            return None
        passing = {stage.last: stage.front for stage in stages}
        reading = Reading(True, self.normalization_joins)
        walk = ForwardWalk(self.network, reading, self.input_index, passing)
        try:
            return self._map_at(location, walk)
        except UnknownField:
            return None

    def joined_before(self, stage: Stage) -> bool:
        """Whether all positions were joined in front of a stage already, on some axis."""
        m = self.forward.map(stage.front)
        return isinstance(m, FieldMap) and any(t.joined_by is not None for t in m.tracks)

    @cached_property
    def ungated(self) -> UngatedWalk:
        """The walk on an infinite image without what gates and global pools brought in."""
        return UngatedWalk(self.forward)

    @property
    def sides(self) -> tuple[int, ...]:
        """The lengths of the input's spatial axes."""
        shape = self.network.shape(self.forward.source)
        return tuple(shape[dimension] for dimension in self.forward.spatial)

    def backward(self, location: MapLocation, *, lattice: bool = True) -> BackwardWalk:
        """What each operation in front of a location reads, on a lattice or within the borders.

        Raises:
            NotModelledError: if an operation is not modelled.
        """
        key = (location.tensors, lattice)
        if key not in self._backward:
            shape = self.network.shape
            followed = [t for t in location.tensors if isinstance(self.forward.map(t), FieldMap)]
            alike = [t for t in followed if shape(t) == shape(followed[0])]
            reading = Reading(lattice, self.normalization_joins)
            self._backward[key] = BackwardWalk(
                self.ungated, alike, reading, self._dimensions(alike)
            )
        return self._backward[key]

    def map_at(
        self, location: MapLocation, *, lattice: bool = True, gates: bool = True
    ) -> FieldMap:
        """The fields of all units at a location, on a lattice or within the borders.

        On a lattice they may be asked for without gates.

        Raises:
            UnknownField: if an operation in front of it is not modelled, or the location does
                not depend on the input.
        """
        walk = self.forward if lattice else self.forward_in_image
        return self._map_at(location, walk if gates else self.ungated)

    def _map_at(self, location: MapLocation, walk: ForwardWalk | UngatedWalk) -> FieldMap:
        maps = [walk.map(tensor) for tensor in location.tensors]
        causes = [cause for m in maps if isinstance(m, UnknownMap) for cause in m.causes]
        if causes:
            raise UnknownField(describe(self.network, causes[0]), tuple(causes))
        field_maps = [m for m in maps if isinstance(m, FieldMap)]
        if not field_maps:
            raise UnknownField(f"nothing of the input reaches {location.name}")
        alike = [m for m in field_maps if m.shape == field_maps[0].shape]
        m = field_maps[0] if len(alike) == 1 else merged(alike, field_maps[0].shape)
        dimensions = with_axes_of_one_unit(m) if walk.reading.lattice else None
        return m.counting(dimensions or self._dimensions(location.tensors))

    def _dimensions(self, tensors: Sequence[int]) -> tuple[int, ...]:
        """The dimensions of some tensors of one shape that count units. On lattices more of them
        are recognised than within the borders, where fields are cut off."""
        maps = (self.forward.map(tensor) for tensor in tensors)
        return next((with_axes_of_one_unit(m) for m in maps if isinstance(m, FieldMap)), ())


def with_axes_of_one_unit(m: FieldMap) -> tuple[int, ...]:
    """The dimensions of a map that count positions, with axes of one unit that were put together.

    No movement tells which dimension such a unit was put along: of those of length one the last
    are space, and two dimensions are samples and channels. What an operation joined is no axis.
    """
    spatial = m.spatial_dimensions()
    missing = min(len(m.tracks), len(m.groups) - 2) - len(spatial)
    if missing <= 0:
        return spatial
    factors = [factor for factor in m.unit_factors() if m.factors[factor].size > 1]
    tables = [track.local for track in m.tracks if not track.local.empty]
    still = [table for table in tables if not any(map(table.varies, factors))]
    ones = [d for d, size in enumerate(m.shape) if d and size == 1 and d not in spatial]
    return tuple(sorted({*spatial, *ones[-min(missing, len(still)) :]})) if still else spatial


def describe(network: Network, cause: Cause) -> str:
    """A cause in words, with the module and the line."""
    if cause.op is None:
        return cause.reason
    op = network.ops[cause.op]
    where = f" in {op.module}" if op.module else ""
    line = f" ({op.called})" if op.called else ""
    return f"{cause.reason}{where}{line}"
