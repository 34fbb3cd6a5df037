"""Which positions of a tensor anything reads."""

from __future__ import annotations

from functools import reduce
from operator import or_

from msgspec.structs import replace

from archcheck.fields.algebra.field_map import FieldMap, NotModelledError
from archcheck.fields.algebra.positions import EMPTY, Positions
from archcheck.fields.handlers import Reading
from archcheck.fields.op_dependencies import OperandUnits, OutputUnits, output_units
from archcheck.lint.sliding import every, input_of, slides
from archcheck.network import Network, Op
from archcheck.network.kinds import (
    CONVOLUTIONS,
    COPIES,
    DROPOUTS,
    ELEMENTWISE,
    FIXED_POOLS,
    JOINS,
    PADDING,
    VIEWS,
)
from archcheck.network.reach import Reach

Indices = tuple[Positions, ...]
"""A set of indices along each dimension of a tensor."""
_IN_PLACE = ELEMENTWISE | DROPOUTS | COPIES | {"batch_norm"}
"""Kinds whose result at a position reads no other position."""
_MOVES = VIEWS | PADDING | JOINS
"""Kinds that only put values in other places."""
_DEEPEST = 100
"""Through how many of these readers are followed; what more of them read is everything."""


class Readers:
    """Which positions of the tensors of a network anything reads that an output depends on.

    What a tensor's readers read together is told along each dimension, so that it may be more than
    they do, never less. What an operation that is not modelled reads is everything.
    """

    def __init__(self, network: Network, reach: Reach) -> None:
        self._network = network
        self._reach = reach
        self._outputs = {tensor for _, tensor in network.outputs}
        self._found: dict[int, Indices] = {}

    def of(self, tensor: int) -> Indices:
        """The indices of a tensor that are read, along each dimension."""
        return self._of(tensor, 0)

    def _of(self, tensor: int, depth: int) -> Indices:
        if tensor not in self._found:
            self._found[tensor] = self._worked_out(tensor, depth)
        return self._found[tensor]

    def _worked_out(self, tensor: int, depth: int) -> Indices:
        whole = self._whole(tensor)
        if tensor in self._outputs or depth == _DEEPEST:
            return whole
        read = tuple(EMPTY for _ in whole)
        for op in self.behind(tensor):
            found = self.read_by(op, tensor, depth)
            read = tuple(a | b for a, b in zip(read, found, strict=True))
            if read == whole:
                break
        return read

    def all_read(self, tensor: int) -> bool:
        """Whether every position of a tensor is read."""
        return self.of(tensor) == self._whole(tensor)

    def root(self, tensor: int) -> int:
        """The first tensor of which one was made position by position, and of nothing else."""
        kept = _IN_PLACE | _MOVES
        while (op := self._network.producer(tensor)) is not None and op.kind in kept:
            read = [t for t in op.inputs if t in self._network.driven]
            if len(read) != 1:
                break
            tensor = read[0]
        return tensor

    def behind(self, tensor: int) -> list[Op]:
        """The operations that read a tensor and reach an output, or may."""
        readers = self._network.consumers.get(tensor, ())
        return [
            op
            for op in readers
            if self._reach.possible(op) or not op.outputs
            if tensor in self._network.operands[op.index]
        ]

    def read_by(self, op: Op, tensor: int, depth: int = 0) -> Indices:
        """The indices of a tensor that one operation reads."""
        whole = self._whole(tensor)
        if op.kind in CONVOLUTIONS | FIXED_POOLS and tensor == input_of(op):
            sides = slides(self._network, op)
            return (*whole[: -len(sides)], *(side.read for side in sides))
        if op.kind in _IN_PLACE and self._shape(op.outputs[0]) == self._shape(tensor):
            return self._of(op.outputs[0], depth + 1)
        return self._modelled(op, tensor, depth) or whole

    def _modelled(self, op: Op, tensor: int, depth: int) -> Indices | None:
        """What an operation reads by its model; None if it has none."""
        structures = {t: self._structure(t) for t in op.inputs if t in self._network.driven}
        try:
            found = output_units(self._network, op, structures, Reading(lattice=False))
            units = [each for each in found if isinstance(each, OutputUnits)]
            if len(units) < len(op.outputs) or not units:
                return None
            moves = op.kind in _MOVES
            asked = [self._of(t, depth + 1) if moves else self._whole(t) for t in op.outputs]
            return self._united(units, asked, tensor)
        except NotModelledError:
            return None

    def _united(self, outputs: list[OutputUnits], asked: list[Indices], tensor: int) -> Indices:
        structure = self._structure(tensor)
        read = [EMPTY] * len(structure.factors)
        for output, indices in zip(outputs, asked, strict=True):
            for operand in output.operands:
                if operand.tensor == tensor:
                    found = _read(output.structure, indices, operand)
                    read = [a | b for a, b in zip(read, found, strict=True)]
        spans = (structure.span(d) for d in range(len(structure.groups)))
        return tuple(read[span.start] if read[span] else every(1) for span in spans)

    def _structure(self, tensor: int) -> FieldMap:
        shape = self._shape(tensor)
        m = FieldMap.of_input(shape, range(min(2, len(shape)), len(shape)), lattice=False)
        return replace(m, tracks=())

    def _whole(self, tensor: int) -> Indices:
        return tuple(map(every, self._shape(tensor)))

    def _shape(self, tensor: int) -> tuple[int, ...]:
        return self._network.shape(tensor)


def _read(structure: FieldMap, asked: Indices, operand: OperandUnits) -> list[Positions]:
    """What some units of an output read of an operand, along each of the operand's factors."""
    box = [every(factor.size) for factor in structure.factors]
    for dimension, indices in enumerate(asked):
        if structure.groups[dimension] == 1:
            box[structure.span(dimension).start] = indices
    boxes = operand.read_by(tuple(box))
    width = sum(map(len, operand.sizes))
    return [reduce(or_, (each[at] for each in boxes), EMPTY) for at in range(width)]
