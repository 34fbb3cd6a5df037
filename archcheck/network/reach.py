"""What the outputs of a network depend on, and what is computed for nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from archcheck.network.constants import ZERO
from archcheck.network.kinds import ESCAPE
from archcheck.network.model import Network, Op
from archcheck.network.needed import needed
from archcheck.network.operands import may_close
from archcheck.network.simplified import simplified
from archcheck.network.value_dependence import SHOWN


@dataclass(frozen=True)
class Reach:
    """What reaches an output.

    ``tensors`` are the values that outputs depend on. ``perhaps`` are further ones of which it
    cannot be known: they were taken out into Python, which may have put them back, something that
    was not seen may have read them, or they are multiplied by a state that is zero at the moment.
    """

    tensors: frozenset[int]
    perhaps: frozenset[int]

    def certain(self, op: Op) -> bool:
        """Whether an output depends on an operation."""
        return not self.tensors.isdisjoint(op.outputs)

    def doubtful(self, op: Op) -> bool:
        """Whether it cannot be known if an output depends on an operation."""
        return not self.certain(op) and not self.perhaps.isdisjoint(op.outputs)

    def possible(self, op: Op) -> bool:
        """Whether an output depends on an operation, or may."""
        return self.certain(op) or self.doubtful(op)


def reach_of(network: Network) -> Reach:
    """What reaches the outputs of a network."""
    network = simplified(network)
    operands = network.operands
    outputs = [tensor for _, tensor in network.outputs]
    possible = needed(network, outputs, operands)
    closed = {op.index: () for op in network.ops if _is_closed(network, op)}
    tensors = needed(network, outputs, {**operands, **closed}) if closed else possible
    if any(tensor in tensors and network.producer(tensor) is None for tensor in network.opaque):
        perhaps = {tensor.id for tensor in network.tensors}
    else:
        taken = [op for op in network.ops if op.kind == ESCAPE and not op.arguments.get(SHOWN)]
        behind = [tensor for op in taken for tensor in op.inputs]
        perhaps = values_behind(network, behind, operands) | possible
    return Reach(frozenset(tensors), frozenset(perhaps - tensors))


def _is_closed(network: Network, op: Op) -> bool:
    """Whether an operation multiplies by a constant that is zero, and may be a state that something
    else writes to."""
    return any(may_close(op, each) and network.constant(each, ZERO) for each in op.inputs)


def values_behind(
    network: Network, targets: Iterable[int], operands: Mapping[int, tuple[int, ...]]
) -> set[int]:
    """Some tensors and all that their values follow from; ``operands`` are those of each operation,
    by its index."""
    needed = set(targets)
    waiting = list(needed)
    while waiting:
        op = network.producer(waiting.pop())
        read = () if op is None else operands[op.index]
        waiting += set(read) - needed
        needed.update(read)
    return needed
