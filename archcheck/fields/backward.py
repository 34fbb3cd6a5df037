"""The walk back from single units to the input: the exact set of positions that they read."""

from __future__ import annotations

from collections.abc import Sequence, Set

from msgspec.structs import replace

from archcheck.fields.algebra.field_map import FieldMap, NotModelledError
from archcheck.fields.algebra.positions import Positions
from archcheck.fields.algebra.region import Box, Region, canonical
from archcheck.fields.forward import REARRANGING, ForwardWalk, Map
from archcheck.fields.handlers import Reading
from archcheck.fields.op_dependencies import OutputUnits, output_units
from archcheck.fields.regained import Regained
from archcheck.network import Network, Op
from archcheck.network.graph import Paths, data_inputs


class BackwardWalk:
    """What units of some tensors read, operation by operation back to an input.

    ``reading`` decides whether that is the actual or the theoretical field; ``dimensions`` are
    those of the targets that count units. The walk visits only the units that it needs, so nothing
    has to be cut off or continued at the borders. Units beyond the borders of a map that was
    written out in between are not there; what they would read is known from the walk ``forward``.

    Raises:
        NotModelledError: if an operation is not modelled.
    """

    def __init__(
        self,
        network: Network,
        forward: ForwardWalk,
        targets: Sequence[int],
        reading: Reading,
        dimensions: Sequence[int],
    ) -> None:
        self.network = network
        self.source = source = forward.source
        self.targets = tuple(targets)
        self.dimensions = tuple(dimensions)
        shape = network.shape(source)
        start = FieldMap.of_input(shape, range(2, len(shape)), lattice=reading.lattice)
        self.structures: dict[int, FieldMap | None] = {source: _bare(start)}
        self.outputs: dict[int, OutputUnits] = {}
        self.regained: dict[int, Regained] = {}
        self._products: dict[tuple[int, bool], bool] = {}
        self.ops: list[Op] = _on_paths(network, source, targets)
        unknown: dict[int, NotModelledError] = {}
        for op in self.ops:
            read = data_inputs(op)
            for tensor in unknown.keys() & set(read):
                raise unknown[tensor]
            operands = {t: self.structures.get(t) if t in read else None for t in op.inputs}
            try:
                outputs = output_units(network, op, operands, reading)
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
                self.structures[tensor] = output.structure
                self.outputs[tensor] = output
                if reading.lattice and op.kind in REARRANGING:
                    self._regain(tensor, output.structure, forward.map(tensor))
        for tensor in unknown.keys() & set(targets):
            raise unknown[tensor]

    def _regain(self, tensor: int, structure: FieldMap, m: Map) -> None:
        """Let a tensor go on beyond the borders where its map does."""
        if not isinstance(m, FieldMap) or m.groups != structure.groups:
            return
        pairs = list(zip(structure.factors, m.factors, strict=True))
        ended = [at for at, (own, other) in enumerate(pairs) if other.lattice and not own.lattice]
        if ended and all(own.size == other.size for own, other in pairs):
            self.structures[tensor] = replace(structure, factors=m.factors)
            self.regained[tensor] = Regained(m, tuple(ended))

    def joins(self) -> frozenset[Edge]:
        """The edges along which every unit reads a whole axis of the image."""
        return frozenset(
            (tensor, operand.tensor)
            for tensor, output in self.outputs.items()
            for operand in output.operands
            if operand.joins
        )

    def region(self, unit: Sequence[int], without: Set[Edge] = frozenset()) -> Region:
        """The input positions that one unit of the targets reads, over all of its channels.

        The edges in ``without`` are left out. ``unit`` indexes the spatial axes.

        Raises:
            NotModelledError: if there are too many units to follow one by one.
        """
        needed = {
            tensor: [self.box(tensor, unit)]
            for tensor in self.targets
            if self.structures.get(tensor) is not None
        }
        return Region(self._read(needed, without), self.network.shape(self.source)[2:])

    def _read(self, needed: dict[int, list[Box]], without: Set[Edge]) -> tuple[Box, ...]:
        """The input positions that some units of some tensors read."""
        needed = dict(needed)
        beyond: list[Box] = []
        for op in reversed(self.ops):
            for tensor in op.outputs:
                boxes = canonical(needed.pop(tensor, ()))
                if boxes and tensor in self.regained:
                    boxes, outside = self.regained[tensor].parted(boxes)
                    beyond += self._read_beyond(tensor, outside, without)
                for operand in self.outputs[tensor].operands if boxes else ():
                    if (tensor, operand.tensor) not in without:
                        needed_of = needed.setdefault(operand.tensor, [])
                        needed_of += (read for box in boxes for read in operand.read_by(box))
        source = self.structures[self.source]
        assert source is not None
        axes = [source.span(d).start for d in range(2, len(source.groups))]
        inside = (tuple(box[a] for a in axes) for box in needed.get(self.source, ()))
        return canonical([*inside, *beyond])

    def _read_beyond(
        self, tensor: int, outside: Sequence[Box], without: Set[Edge]
    ) -> tuple[Box, ...]:
        """What units beyond the borders of a regained map read.

        Raises:
            NotModelledError: if a unit within the borders does not read a product of sets.
        """
        if not outside:
            return ()
        regained, gates = self.regained[tensor], not without
        if (tensor, gates) not in self._products:
            middle = [regained.middle()]
            known = self._read({tensor: middle}, without) == regained.read_by(middle, gates=gates)
            self._products[tensor, gates] = known
        if not self._products[tensor, gates]:
            raise NotModelledError("units beyond the borders of a map that was written out")
        return regained.read_by(outside, gates=gates)

    def box(self, tensor: int, unit: Sequence[int]) -> Box:
        """All channels of one unit of a target, as sets of indices of the factors."""
        structure = self.structures[tensor]
        assert structure is not None
        box = [Positions(0, (1 << factor.size) - 1) for factor in structure.factors]
        for dimension, index in zip(self.dimensions, unit, strict=True):
            for factor in reversed(range(len(box))[structure.span(dimension)]):
                index, at = divmod(index, structure.factors[factor].size)
                box[factor] = Positions(at, 1)
        return tuple(box)


Edge = tuple[int, int]
"""A tensor, and another one that its units read."""


def _bare(m: FieldMap) -> FieldMap:
    return replace(m, tracks=())


def _on_paths(network: Network, source: int, targets: Sequence[int]) -> list[Op]:
    """The operations on some path from the input to the tensors, in order."""
    indices = {op.index for target in targets for op in Paths(network, source, target).ops}
    return [network.ops[index] for index in sorted(indices)]
