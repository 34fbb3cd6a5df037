"""The walk back from single units to the input: the exact set of positions that they read."""

from __future__ import annotations

from collections.abc import Sequence, Set

from msgspec.structs import replace

from archcheck.fields.algebra.field_map import FieldMap, NotModelledError
from archcheck.fields.algebra.positions import Positions
from archcheck.fields.algebra.region import Box, Region, canonical
from archcheck.fields.forward import REARRANGING
from archcheck.fields.gates import UngatedWalk
from archcheck.fields.handlers import Reading
from archcheck.fields.op_dependencies import OutputUnits, output_units
from archcheck.fields.open_units import open_of
from archcheck.fields.regained import Regained, cut_alike
from archcheck.network import Network, Op
from archcheck.network.graph import Paths


class BackwardWalk:
    """What units of some tensors read, operation by operation back to an input.

    ``reading`` decides whether that is the actual or the theoretical field; ``dimensions`` are
    those of the targets that count units. The walk visits only the units that it needs, so nothing
    has to be cut off or continued at the borders. Units beyond the borders of a map that was
    written out in between are not there; what they would read is known from the walks forward, of
    which ``ungated`` is the one without gates.

    Raises:
        NotModelledError: if an operation is not modelled.
    """

    def __init__(
        self,
        ungated: UngatedWalk,
        targets: Sequence[int],
        reading: Reading,
        dimensions: Sequence[int],
    ) -> None:
        forward = ungated.forward
        self.network = network = ungated.network
        self.source = source = forward.source
        self._ungated = ungated
        self.targets = tuple(targets)
        self.dimensions = tuple(dimensions)
        start = FieldMap.of_input(network.shape(source), forward.spatial, lattice=reading.lattice)
        self.structures: dict[int, FieldMap | None] = {source: _bare(start)}
        self.outputs: dict[int, OutputUnits] = {}
        self.regained: dict[int, Regained] = {}
        self._products: dict[tuple[int, bool], bool] = {}
        self.ops: list[Op] = _on_paths(network, source, targets)
        unknown: dict[int, NotModelledError] = {}
        for op in self.ops:
            read = network.operands[op.index]
            for tensor in unknown.keys() & set(read):
                raise unknown[tensor]
            structures = {t: self.structures.get(t) if t in read else None for t in op.inputs}
            try:
                outputs = output_units(network, op, structures, reading)
            except NotModelledError as error:
                raise NotModelledError(f"{op.function}: {error}") from None
            for tensor, output in zip(op.outputs, outputs, strict=False):
                if isinstance(output, NotModelledError):
                    unknown[tensor] = NotModelledError(f"{op.function}: {output}")
                    continue
                if output is None:
                    continue
                if output.structure.shape != network.shape(tensor):
                    raise NotModelledError(f"{op.function} gave a shape that its model does not")
                structure, m = output.structure, forward.map(tensor)
                if not isinstance(m, FieldMap) or m.factors != structure.factors:
                    m = cut_alike(m, structure)
                    structure = structure if m is None else _labelled(structure, m)
                operands = output.operands
                if any(o.joined for o in operands):
                    operands = tuple(o.joined_of(ungated.carried(o.tensor)) for o in operands)
                self.structures[tensor] = structure
                self.outputs[tensor] = OutputUnits(structure, operands)
                if m is not None and reading.lattice and op.kind in REARRANGING:
                    self._regain(tensor, structure, m)
        for tensor in unknown.keys() & set(targets):
            raise unknown[tensor]

    def _regain(self, tensor: int, structure: FieldMap, m: FieldMap) -> None:
        """Let a tensor go on beyond the borders where its map does."""
        pairs = list(zip(structure.factors, m.factors, strict=True))
        ended = [at for at, (own, other) in enumerate(pairs) if other.lattice and not own.lattice]
        if ended:
            self.structures[tensor] = replace(structure, factors=m.factors)
            self.regained[tensor] = Regained(m, tuple(ended))

    def joins(self) -> frozenset[Edge]:
        """The edges along which every unit reads a whole axis of the image, and nothing else."""
        ways: dict[Edge, bool] = {}
        for tensor, output in self.outputs.items():
            for operand in output.operands:
                edge = (tensor, operand.tensor)
                ways[edge] = ways.get(edge, True) and operand.joins
        return frozenset(edge for edge, joins in ways.items() if joins)

    def joining(self) -> list[Op]:
        """The operations that join all positions of an axis, in order."""
        return [op for op in self.ops if any(self._joins(op, tensor) for tensor in op.outputs)]

    def _joins(self, op: Op, tensor: int) -> bool:
        m = self._ungated.map(tensor)
        if isinstance(m, FieldMap) and any(track.joined_by == op.index for track in m.tracks):
            return True  # a pool's window covers the axis
        operands = self.outputs[tensor].operands if tensor in self.outputs else ()
        return any(self.network.shape(o.tensor)[d] > 1 for o in operands for d in o.joined)

    def region(
        self, unit: Sequence[int], *, gates: bool = True, without: Set[Edge] = frozenset()
    ) -> Region:
        """The input positions that one unit of the targets reads, over all of its channels.

        Without ``gates``, whatever reads a whole axis of the image is left out, and so are the
        edges in ``without``. ``unit`` indexes the spatial axes.

        Raises:
            NotModelledError: if there are too many units to follow one by one.
        """
        needed = {
            tensor: self._open(tensor, self.box(tensor, unit))
            for tensor in self.targets
            if self.structures.get(tensor) is not None
        }
        read = self._read(needed, gates, without)
        shape = self.network.shape(self.source)
        return Region(read, tuple(shape[d] for d in self._ungated.forward.spatial))

    def _read(
        self, needed: dict[int, list[Box]], gates: bool, without: Set[Edge]
    ) -> tuple[Box, ...]:
        """The input positions that some units of some tensors read."""
        needed = dict(needed)
        beyond: list[Box] = []
        for op in reversed(self.ops):
            for tensor in op.outputs:
                boxes = canonical(needed.pop(tensor, ()))
                if boxes and tensor in self.regained:
                    boxes, outside = self.regained[tensor].parted(boxes)
                    beyond += self._read_beyond(tensor, outside, gates, without)
                for operand in self.outputs[tensor].operands if boxes else ():
                    if (gates or not operand.joins) and (tensor, operand.tensor) not in without:
                        needed_of = needed.setdefault(operand.tensor, [])
                        needed_of += (read for box in boxes for read in operand.read_by(box))
        source = self.structures[self.source]
        assert source is not None
        axes = [source.span(d).start for d in self._ungated.forward.spatial]
        inside = (tuple(box[a] for a in axes) for box in needed.get(self.source, ()))
        return canonical([*inside, *beyond])

    def _read_beyond(
        self, tensor: int, outside: Sequence[Box], gates: bool, without: Set[Edge]
    ) -> tuple[Box, ...]:
        """What units beyond the borders of a regained map read.

        Raises:
            NotModelledError: if a unit within the borders does not read a product of sets.
        """
        if not outside:
            return ()
        regained = self.regained[tensor]
        if not gates:
            regained = regained.with_map(self._ungated.map(tensor))
        if (tensor, gates) not in self._products:
            middle = [regained.middle()]
            known = self._read({tensor: middle}, gates, without) == regained.read_by(middle)
            self._products[tensor, gates] = known
        if not self._products[tensor, gates]:
            raise NotModelledError("units beyond the borders of a map that was written out")
        return regained.read_by(outside)

    def _open(self, tensor: int, box: Box) -> list[Box]:
        structure = self.structures[tensor]
        units = None if structure is None else open_of(structure)
        return [box] if units is None else list(units.within([box]))

    def box(self, tensor: int, unit: Sequence[int]) -> Box:
        """All channels of one unit of a target, as sets of indices of the factors."""
        structure = self.structures[tensor]
        assert structure is not None
        box = [Positions.of_bits(0, (1 << factor.size) - 1) for factor in structure.factors]
        for dimension, index in zip(self.dimensions, unit, strict=True):
            for factor in reversed(range(len(box))[structure.span(dimension)]):
                index, at = divmod(index, structure.factors[factor].size)
                box[factor] = Positions(at, 1)
        return tuple(box)


Edge = tuple[int, int]
"""A tensor, and another one that its units read."""


def _bare(m: FieldMap) -> FieldMap:
    return replace(m, tracks=())


def _labelled(structure: FieldMap, m: FieldMap) -> FieldMap:
    """A structure whose factors count positions of space where those of the map do."""
    pairs = zip(structure.factors, m.factors, strict=True)
    factors = [replace(own, spatial=other.spatial, part=other.part) for own, other in pairs]
    return replace(structure, factors=tuple(factors))


def _on_paths(network: Network, source: int, targets: Sequence[int]) -> list[Op]:
    """The operations on some path from the input to the tensors, in order."""
    indices = {op.index for target in targets for op in Paths(network, source, target).ops}
    return [network.ops[index] for index in sorted(indices)]
