"""The network as a graph: what leads where, and what every path runs through."""

from __future__ import annotations

from functools import cached_property
from itertools import accumulate

from archcheck.network.kinds import ESCAPE, values_read
from archcheck.network.model import Network, Op


def data_inputs(op: Op) -> tuple[int, ...]:
    """The tensors whose values an operation reads, without those that only provide a shape."""
    return values_read(op.kind, op.inputs)


class Paths:
    """All paths from one tensor to another, in the order of execution."""

    def __init__(self, network: Network, source: int, target: int) -> None:
        self.network = network
        self.source = source
        self.target = target
        reached = {source}
        forward = []
        for op in network.ops:
            read = network.operands[op.index]
            if op.kind != ESCAPE and not reached.isdisjoint(read):
                reached.update(op.outputs)
                forward.append((op, read))
        needed = {target}
        ops = []
        for op, read in reversed(forward):
            if not needed.isdisjoint(op.outputs):
                needed.update(reached.intersection(read))
                ops.append(op)
        self.ops: tuple[Op, ...] = tuple(reversed(ops))
        """The operations on some path."""
        self.tensors: frozenset[int] = frozenset(needed & reached)
        """The tensors on some path."""

    def inputs(self, op: Op) -> tuple[int, ...]:
        """The tensors on a path that an operation reads."""
        read = self.network.operands[op.index]
        return tuple(dict.fromkeys([t for t in read if t in self.tensors]))

    @cached_property
    def cuts(self) -> tuple[Op, ...]:
        """The operations that every path runs through, in order."""
        # In order of execution an operation lies on every path if no edge passes it by.
        place = {op.index: number for number, op in enumerate(self.ops)}
        end = len(self.ops)
        changes = [0] * (end + 1)  # by how many more edges pass an operation by than the one before
        edges = [
            (self._made(tensor, place), number)
            for number, op in enumerate(self.ops)
            for tensor in self.inputs(op)
        ]
        edges.append((self._made(self.target, place), end))
        for start, stop in edges:
            if start < stop:
                changes[start + 1] += 1
                changes[stop] -= 1
        passing = list(accumulate(changes))
        return tuple(op for number, op in enumerate(self.ops) if not passing[number])

    def _made(self, tensor: int, place: dict[int, int]) -> int:
        producer = self.network.producer(tensor)
        return -1 if producer is None else place.get(producer.index, -1)
