"""The receptive field of a Network, the public face of this package.

What the numbers mean: A. Araujo, W. Norris and J. Sim, "Computing Receptive Fields of
Convolutional Neural Networks", Distill 2019, widened from chains of windows to whole graphs.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cached_property

from archcheck.fields.algebra.field_map import FieldMap, NotModelledError
from archcheck.fields.algebra.merge import merged
from archcheck.fields.backward import BackwardWalk
from archcheck.fields.field import Field, UnitField, UnknownField
from archcheck.fields.forward import ForwardWalk, NotModelled, Unknown
from archcheck.fields.handlers import Reading
from archcheck.fields.locations import Point, feature_points, module_point, output_points
from archcheck.gc_pause import gc_paused
from archcheck.network import Network, Op
from archcheck.network.kinds import NORMALIZATIONS


class ReceptiveField:
    """The receptive fields of a network. ``size`` and ``jump`` are those at ``features``."""

    def __init__(self, network: Network, input_index: int = 0, normalization: str = "ignored"):
        self.network = network
        self.input_index = input_index
        self._joins = normalization == "joins"
        self._lookbacks: dict[tuple[tuple[int, ...], bool], BackwardWalk] = {}
        self.walk = ForwardWalk(network, Reading(True, self._joins), input_index)

    def __repr__(self) -> str:
        return f"<ReceptiveField of {self.network.name}>"

    @cached_property
    def _actual(self) -> ForwardWalk:
        return ForwardWalk(self.network, Reading(False, self._joins), self.input_index)

    @property
    def sides(self) -> tuple[int, ...]:
        """The lengths of the input's spatial axes."""
        return self.network.shape(self.network.inputs[self.input_index])[2:]

    @property
    def not_modelled(self) -> tuple[NotModelled, ...]:
        """What could not be followed anywhere in the network."""
        return tuple(self.walk.not_modelled)

    @cached_property
    def features_points(self) -> tuple[Point, ...]:
        """The last map in front of the head, one for each output."""
        with gc_paused():
            return tuple(feature_points(self.network, self.walk))

    @cached_property
    def output_points(self) -> tuple[Point, ...]:
        """The outputs."""
        return tuple(output_points(self.network))

    def points(self, name: str) -> tuple[Point, ...]:
        """The points that a name stands for: all outputs for ``features`` and ``output``.

        Raises:
            KeyError: if no module of that path was called.
        """
        if name == "features":
            return self.features_points
        if name == "output":
            return self.output_points
        for point in (*self.features_points, *self.output_points):
            if point.name == name:
                return (point,)
        found = module_point(self.network, name)
        if found is None:
            raise KeyError(name)
        return (found,)

    def at(self, point: str | Point) -> Field:
        """The field at ``features``, ``output`` or behind the module of a path.

        Of several outputs it is the first one's; ``output[1]`` names another. A module that was
        called several times answers for its last call.

        Raises:
            KeyError: if no module of that path was called.
            UnknownField: if an operation in front of it is not modelled.
        """
        place = self.points(point)[0] if isinstance(point, str) else point
        return Field(self, place, self._known(place, self.walk))

    def tensor(self, tensor: int) -> Field:
        """The field of one tensor of the network (by its number).

        Raises:
            UnknownField: if it is not known, or if nothing of the input is in the tensor.
        """
        return self.at(Point(f"tensor {tensor}", (tensor,)))

    def _unit(self, point: Point, unit: tuple[int, ...], gates: bool) -> UnitField:
        if not gates and self._joins:
            raise ValueError("gates can be left out where normalisation is, not where it joins")
        try:
            theoretical = self.lookback(point)
            actual = self.lookback(point, lattice=False)
            without = frozenset() if gates else theoretical.joins()
            return UnitField(
                point, unit, actual.region(unit, without), theoretical.region(unit, without)
            )
        except NotModelledError as error:
            raise UnknownField(f"the set at {point.name} is not known: {error}") from None

    def lookback(self, point: Point, *, lattice: bool = True) -> BackwardWalk:
        """What each operation in front of a point reads, on a lattice or within the borders.

        Raises:
            NotModelledError: if an operation is not modelled.
        """
        key = (point.tensors, lattice)
        if key not in self._lookbacks:
            known = [t for t in point.tensors if isinstance(self.walk.map(t), FieldMap)]
            alike = [t for t in known if self.network.shape(t) == self.network.shape(known[0])]
            source = self.network.inputs[self.input_index]
            reading = Reading(lattice, self._joins)
            self._lookbacks[key] = BackwardWalk(self.network, source, alike, reading)
        return self._lookbacks[key]

    def _known(self, point: Point, walk: ForwardWalk) -> FieldMap:
        maps = [walk.map(tensor) for tensor in point.tensors]
        causes = [cause for m in maps if isinstance(m, Unknown) for cause in m.causes]
        if causes:
            raise UnknownField(self.describe(causes[0]), tuple(causes))
        known = [m for m in maps if isinstance(m, FieldMap)]
        if not known:
            raise UnknownField(f"nothing of the input reaches {point.name}")
        alike = [m for m in known if m.shape == known[0].shape]
        return known[0] if len(alike) == 1 else merged(alike, known[0].shape)

    def describe(self, cause: NotModelled) -> str:
        """A cause in words, with the module and the line."""
        if cause.op is None:
            return cause.reason
        op = self.network.ops[cause.op]
        where = f" in {op.module}" if op.module else ""
        line = f" ({op.called.file}:{op.called.line})" if op.called else ""
        return f"{cause.reason}{where}{line}"

    def joining_norms(self, point: Point) -> tuple[Op, ...]:
        """The normalisations in front of a point that, read strictly, join positions."""
        found = []
        for op in self.network.ops:
            if op.kind not in NORMALIZATIONS - {"batch_norm", "local_response_norm", "normalize"}:
                continue
            m = self.walk.map(op.inputs[0])
            if not isinstance(m, FieldMap) or op.index > self._last_op(point):
                continue
            spatial = m.spatial_dimensions()
            last = len(op.arguments.get("normalized_shape") or ())
            joined = range(len(m.groups) - last, len(m.groups)) if last else spatial
            if any(d in spatial and m.shape[d] > 1 for d in joined):
                found.append(op)
        return tuple(found)

    def _last_op(self, point: Point) -> int:
        made = [self.network.tensors[tensor].op for tensor in point.tensors]
        return max((index for index in made if index is not None), default=-1)

    @property
    def size(self) -> tuple[int, ...]:
        """The theoretical size at ``features``."""
        return self.at("features").size

    @property
    def jump(self) -> tuple[Fraction | int | None, ...]:
        """The jump at ``features``."""
        return self.at("features").jump


def receptive_field(
    network: Network, *, input_index: int = 0, normalization: str = "ignored"
) -> ReceptiveField:
    """The receptive fields of a traced network, with respect to one of its inputs.

    Args:
        network: from :func:`archcheck.trace`.
        input_index: which of several inputs positions are counted in.
        normalization: ``ignored`` as in papers, or ``joins``: layer, group and instance norms
            over space join all positions they average over.
    """
    if normalization not in ("ignored", "joins"):
        raise ValueError(f"normalization is 'ignored' or 'joins', not {normalization!r}")
    return ReceptiveField(network, input_index, normalization)
