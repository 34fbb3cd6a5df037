"""What the outputs of a network depend on, and what is computed for nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from archcheck.network.constants import BOOLEANS, ZERO
from archcheck.network.graph import data_inputs
from archcheck.network.kinds import DROPOUTS, ESCAPE, IN_PLACE_WRITE
from archcheck.network.model import Network, Op
from archcheck.network.needed import needed
from archcheck.network.value_dependence import SHOWN

RANDOM_FILLS = frozenset(
    """bernoulli cauchy exponential geometric kaiming_uniform log_normal normal random
    uniform""".split()
)
"""Kinds that, in place, fill a tensor with random numbers."""
_OF_ZEROS = frozenset("zeros zeros_like new_zeros zero".split())
_OVERWRITING = frozenset({"constant", "copy", "fill", "zero"}) | RANDOM_FILLS
"""Kinds that, in place, leave nothing of the tensor that they write to."""


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
    operands = {op.index: _operands(network, op) for op in network.ops}
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


def _operands(network: Network, op: Op) -> tuple[int, ...]:
    """The tensors on whose values an operation's results depend, also by values of constants."""
    read = values_read(op)
    if op.kind == "mul" and any(_is_made_zero(network, tensor) for tensor in read):
        return ()
    if op.kind in ("where", "masked_fill") and len(read) > 1:
        return _chosen(network, op, read)
    return read


def _chosen(network: Network, op: Op, read: tuple[int, ...]) -> tuple[int, ...]:
    """What a condition that is the same everywhere leaves of the operands."""
    condition = op.arguments.get("mask" if op.kind == "masked_fill" else "condition")
    tensor = condition.get("tensor") if isinstance(condition, dict) else None
    known = None if tensor is None else network.constant(tensor, BOOLEANS)
    if known is None or (known.values.any() and not known.values.all()):
        return read
    holds = bool(known.values.all())
    kept = op.arguments.get("input" if holds or op.kind == "masked_fill" else "other")
    if (op.kind == "masked_fill" and holds) or not isinstance(kept, dict):
        return ()
    return (kept["tensor"],)


def _is_made_zero(network: Network, tensor: int) -> bool:
    maker = network.producer(tensor)
    return maker is not None and maker.kind in _OF_ZEROS


def _is_closed(network: Network, op: Op) -> bool:
    """Whether an operation multiplies by a constant that is zero, and may be a state that something
    else writes to."""
    return op.kind == "mul" and any(network.constant(each, ZERO) for each in op.inputs)


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
    if gives_a_constant(op):
        return ()
    if op.kind in ("add", "sub", "addcmul", "addcdiv") and any(
        _is_zero(arguments.get(name)) for name in ("alpha", "value")
    ):
        return op.inputs[:1]
    if op.kind == "lerp" and _is_zero(arguments.get("weight")):
        return op.inputs[:1]
    if op.kind == "alias_write" and arguments.get("same"):
        return op.inputs[1:]
    overwritten = op.kind in _OVERWRITING or (
        op.kind == "setitem" and _is_whole(arguments.get("index"))
    )
    if overwritten and arguments.get(IN_PLACE_WRITE):
        return op.inputs[1:]
    return data_inputs(op)


def gives_a_constant(op: Op) -> bool:
    """Whether an operation gives the same whatever it reads: ``y * 0``, ``y - y``, ``y ** 0``."""
    arguments = op.arguments
    if op.kind == "mul":
        return _is_zero(arguments.get("other")) or _is_zero(arguments.get("input"))
    if op.kind == "pow":
        return _is_zero(arguments.get("exponent"))
    if op.kind == "sub":
        return len(op.inputs) == 2 and op.inputs[0] == op.inputs[1] and "alpha" not in arguments
    if op.kind == "div":
        return arguments.get("other") in (inf, -inf)
    if op.kind == "clamp":
        low, high = arguments.get("min"), arguments.get("max")
        return isinstance(low, (int, float)) and low == high
    return op.kind in DROPOUTS and arguments.get("p") == 1 and bool(arguments.get("training"))


def _is_zero(value: Any) -> bool:
    return isinstance(value, (int, float)) and value == 0


def _is_whole(index: Any) -> bool:
    """Whether a subscript stands for a whole tensor: ``[:]``, ``[...]``, ``[:, :]``."""
    parts = index if isinstance(index, list) else [index]
    return all(
        isinstance(part, dict) and (part.get("ellipsis") or part.get("slice") == [None] * 3)
        for part in parts
    )
