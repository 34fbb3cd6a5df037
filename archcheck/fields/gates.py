"""The walk forward without the paths through operations that join all positions of an axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from archcheck.fields.algebra.field_map import FieldMap, NotModelledError
from archcheck.fields.algebra.masks import settled
from archcheck.fields.algebra.track import Track
from archcheck.fields.forward import Cause, ForwardWalk, Map, UnknownMap
from archcheck.fields.op_dependencies import OutputUnits, named_apart, output_units
from archcheck.network import Network, Op


class UngatedWalk:
    """The maps of all tensors without what gates and global pools brought in.

    A path through an operation that joins all positions of an axis is left out, on all axes. The
    walk differs from the one with gates behind the first such operation only, and goes as far as
    maps are asked for.
    """

    def __init__(self, forward: ForwardWalk) -> None:
        self.network = forward.network
        self.reading = forward.reading
        self.forward = forward
        self._maps: dict[int, Map] = {}
        """The maps that differ from those of the walk with gates."""
        self._done = 0

    def map(self, tensor: int) -> Map:
        """The map of a tensor; units that read gates alone or that masks closed are empty in it."""
        m = self.carried(tensor)
        if not self._maps.get(tensor):
            return self.forward.map(tensor)
        try:
            return settled(m) if isinstance(m, FieldMap) else m
        except NotModelledError as error:
            return UnknownMap([Cause(str(error), self.network.tensors[tensor].op)])

    def carried(self, tensor: int) -> Map:
        """The map of a tensor as operations read it, with the units that masks have closed."""
        producer = self.network.producer(tensor)
        while producer is not None and self._done <= producer.index:
            self._step(self.network.ops[self._done])
            self._done += 1
        return self._maps.get(tensor) or self.forward.maps.get(tensor)

    def _step(self, op: Op) -> None:
        with_gates = [self.forward.maps.get(tensor) for tensor in op.outputs]
        if not any(isinstance(m, FieldMap) for m in with_gates):
            return
        read = self.network.operands[op.index]
        if any(tensor in self._maps for tensor in read):
            operands = {t: self._maps.get(t) or self.forward.maps.get(t) for t in read}
        elif any(_joined_by(op, m) for m in with_gates):
            operands = {t: self.forward.maps.get(t) for t in read}
        else:
            return
        for tensor, m in zip(op.outputs, self._results(op, operands), strict=False):
            self._maps[tensor] = m

    def _results(self, op: Op, operands: Mapping[int, Map]) -> Sequence[Map]:
        known = {t: m for t, m in operands.items() if not isinstance(m, UnknownMap)}
        unknown = [m for m in operands.values() if isinstance(m, UnknownMap)]
        if unknown:
            return unknown[:1] * len(op.outputs)
        results = self._carried(self.network, op, known)
        covered = any(m is not None and _is_marked(m) for m in known.values())
        return [
            self._without_joins(op, position, known, m) if covered or _joined_by(op, m) else m
            for position, m in enumerate(results)
        ]

    def _carried(
        self, network: Network, op: Op, operands: dict[int, FieldMap | None]
    ) -> Sequence[Map]:
        """The maps of an operation's outputs from those of its operands."""
        if all(m is None or m.empty for m in operands.values()):
            maps = (self.forward.maps.get(tensor) for tensor in op.outputs)
            return [m.emptied() if isinstance(m, FieldMap) else m for m in maps]
        results = self.forward.carried(op, operands, network)
        return [_unknown(op, m) if isinstance(m, NotModelledError) else m for m in results]

    def _without_joins(
        self, op: Op, position: int, operands: dict[int, FieldMap | None], m: Map
    ) -> Map:
        """One output, ``m``, from what does not read a whole axis of the image."""
        gated = self.forward.maps[op.outputs[position]]
        network, op, names = named_apart(self.network, op)
        operands = operands | {copy: operands.get(tensor) for copy, tensor in names.items()}
        structures = {t: o and replace(o.within_borders(), tracks=()) for t, o in operands.items()}
        try:
            output = output_units(network, op, structures, self.reading)[position]
        except NotModelledError as error:
            return _unknown(op, error)
        if not isinstance(output, OutputUnits):
            return None if output is None else _unknown(op, output)
        read = [o.joined_of(operands[o.tensor]) for o in output.operands]
        kept = {units.tensor for units in read if not units.joins}
        joined = {units.tensor for units in read if units.joins}
        if joined - kept:
            left = {
                t: o and (o.emptied() if t in joined - kept else o) for t, o in operands.items()
            }
            m = self._carried(network, op, left)[position]
        if not joined or not isinstance(m, FieldMap):
            return m
        # A norm reads the unit's own position beside all of them.
        tracks = (Track(t.local) if t.joined_by == op.index else t for t in m.tracks)
        return _ending_as(gated, replace(m, tracks=tuple(tracks)))


def _ending_as(gated: Map, m: FieldMap) -> FieldMap:
    """A map that ends at the borders where the one with gates does."""
    if isinstance(gated, FieldMap) and gated.groups == m.groups:
        for factor, other in enumerate(gated.factors):
            if not other.lattice:
                m = m.pinned(factor, other.margin)
    return m


def _unknown(op: Op, reason: str | NotModelledError) -> UnknownMap:
    return UnknownMap([Cause(str(reason), op.index)])


def _joined_by(op: Op, m: Map) -> bool:
    """Whether an operation joined all positions of some axis in a map."""
    return isinstance(m, FieldMap) and any(track.joined_by == op.index for track in m.tracks)


def _is_marked(m: FieldMap) -> bool:
    """Whether a pool's window has covered some axis."""
    return any(track.joined_by is not None for track in m.tracks)
