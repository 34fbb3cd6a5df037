"""What the outputs of a network depend on, and what is computed for nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from archcheck.network.graph import data_inputs
from archcheck.network.kinds import ESCAPE, IN_PLACE_WRITE
from archcheck.network.model import Network, Op
from archcheck.network.value_dependence import SHOWN

RANDOM_FILLS = frozenset(
    """bernoulli cauchy exponential geometric kaiming_uniform log_normal normal random
    uniform""".split()
)
"""Kinds that, in place, fill a tensor with random numbers."""
_OVERWRITING = frozenset({"constant", "copy", "fill", "zero"}) | RANDOM_FILLS
"""Kinds that, in place, leave nothing of the tensor that they write to."""


@dataclass(frozen=True)
class Reach:
    """What reaches an output.

    ``tensors`` are the values that outputs depend on. ``perhaps`` are further ones of which it
    cannot be known: they were taken out into Python, which may have put them back, or something
    that was not seen may have read them.
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
    operands = {op.index: values_read(op) for op in network.ops}
    tensors = values_behind(network, [tensor for _, tensor in network.outputs], operands)
    if any(tensor in tensors and network.producer(tensor) is None for tensor in network.opaque):
        perhaps = {tensor.id for tensor in network.tensors}
    else:
        taken = [op for op in network.ops if op.kind == ESCAPE and not op.arguments.get(SHOWN)]
        behind = [tensor for op in taken for tensor in op.inputs]
        perhaps = values_behind(network, behind, operands)
    return Reach(frozenset(tensors), frozenset(perhaps - tensors))


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


def values_read(op: Op) -> tuple[int, ...]:
    """The tensors on whose values an operation's results depend.

    Those that only give a shape are left out, and what is overwritten or multiplied by 0.
    """
    arguments = op.arguments
    if op.kind == "mul" and _is_zero(arguments.get("other")):
        return ()
    if op.kind == "alias_write" and arguments.get("same"):
        return op.inputs[1:]
    overwritten = op.kind in _OVERWRITING or (
        op.kind == "setitem" and _is_whole(arguments.get("index"))
    )
    if overwritten and arguments.get(IN_PLACE_WRITE):
        return op.inputs[1:]
    return data_inputs(op)


def _is_zero(value: Any) -> bool:
    return isinstance(value, (int, float)) and value == 0


def _is_whole(index: Any) -> bool:
    """Whether a subscript stands for a whole tensor: ``[:]``, ``[...]``, ``[:, :]``."""
    parts = index if isinstance(index, list) else [index]
    return all(
        isinstance(part, dict) and (part.get("ellipsis") or part.get("slice") == [None] * 3)
        for part in parts
    )
