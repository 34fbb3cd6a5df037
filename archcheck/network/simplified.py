"""A network without what cancels out: ``x + y - y`` is ``x``, ``y / y`` and ``y > y`` are numbers.

Which values are the same, sums and products of them, and the ranges of values are followed from one
operation to the next. An operation whose result is known to depend on less than it reads is
replaced by one that reads what is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from typing import Any

from msgspec.structs import replace

from archcheck.network import kinds
from archcheck.network.model import Network, Op
from archcheck.network.ranges import Range, Ranges
from archcheck.network.same_values import Combined, SameValues

_COMPARISONS = {
    **dict.fromkeys("eq ge le isclose".split(), 1.0),
    **dict.fromkeys("ne gt lt".split(), 0.0),
    **dict.fromkeys("remainder fmod bitwise_xor logical_xor".split(), 0.0),
    "floor_divide": 1.0,
}
"""What comes of a value that is compared with itself."""
_BOUNDING = frozenset(
    """clamp clamp_min clamp_max minimum maximum hardtanh logsigmoid log_softmax sign floor ceil
    trunc round where neg sub""".split()
)
_SUSPICIOUS = _BOUNDING | _COMPARISONS.keys() | frozenset("reciprocal gt ge lt le".split())
"""Kinds without which nothing is cancelled, nor bounded to one number."""
_SOFTMAX = {"softmax": 1.0, "softmin": 1.0, "log_softmax": 0.0}
"""What comes of a single number."""


def simplified(network: Network) -> Network:
    """The network in which operations read only what their results depend on."""
    known: Network | None = vars(network).get("simplified")
    if known is None:
        replaced = _Simplifier(network).replaced() if _may_cancel(network) else {}
        ops = tuple(replaced.get(op.index, op) for op in network.ops)
        known = vars(network)["simplified"] = replace(network, ops=ops) if replaced else network
    return known


def _may_cancel(network: Network) -> bool:
    ranges = Ranges(network)
    return any(
        _is_suspicious(network, op, ranges) and not network.driven.isdisjoint(op.inputs)
        for op in network.ops
    )


def _is_suspicious(network: Network, op: Op, ranges: Ranges) -> bool:
    """Whether an operation may be the one by which something is cancelled or bounded."""
    if op.kind == "div":
        return len(op.inputs) > 1
    if op.kind in ("mul", "add"):
        return _has_negative(op)
    return (
        op.kind in _SUSPICIOUS
        or _over_one_channel(network, op)
        or _becomes_whole(network, op)
        or _leaves_nothing(network, op, ranges)
    )


def _has_negative(op: Op) -> bool:
    values = [op.arguments.get(name) for name in ("other", "alpha")]
    return any(isinstance(value, (int, float)) and value < 0 for value in values)


def _becomes_whole(network: Network, op: Op) -> bool:
    """Whether real numbers are cut off to whole ones."""
    if op.kind not in kinds.COPIES or not op.inputs or not op.outputs:
        return False
    before, after = (network.tensors[t].dtype for t in (op.inputs[0], op.outputs[0]))
    return "float" in before and "float" not in after


def _over_one_channel(network: Network, op: Op) -> bool:
    """Whether a softmax weighs a single channel. That of a single token depends on the input."""
    rank = len(network.shape(op.inputs[0])) if op.inputs else 0
    dim = op.arguments.get("dim")
    if op.kind not in _SOFTMAX or rank in (0, 3) or not isinstance(dim, int):
        return False
    return dim % rank == 1 and network.shape(op.inputs[0])[1] == 1


def _leaves_nothing(network: Network, op: Op, ranges: Ranges) -> bool:
    """Whether a normalisation leaves its bias alone: of single numbers, or by a weight of zeros."""
    if op.kind not in kinds.NORMALIZATIONS:
        return False
    if ranges.argument(op, "weight") == (0.0, 0.0):
        return True
    return op.kind == "layer_norm" and prod(op.arguments.get("normalized_shape") or (0,)) == 1


class _Simplifier:
    """Follows values through a network."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._values = SameValues(network)
        self._ranges = Ranges(network)

    def replaced(self) -> dict[int, Op]:
        """By their index, operations that depend on less than they read, as they may be read."""
        found: dict[int, Op] = {}
        for op in self._network.ops:
            if op.outputs and not self._network.driven.isdisjoint(op.inputs):
                simple = self._simple(op)
                if simple is not None:
                    found[op.index] = simple
        return found

    def _simple(self, op: Op) -> Op | None:
        if len(op.outputs) > 1:
            self._ranges.note(op)
            self._values.note(op)
            return None
        combined = self._values.combined(op)
        low, high = self._ranges.note(op, self._constant(op, combined))
        if low == high:
            self._values.note(op, key=("constant", low))
            return replace(op, kind="zeros" if low == 0 else op.kind, inputs=(), arguments={})
        if _leaves_nothing(self._network, op, self._ranges):
            self._values.note(op)
            return _reading(op, op.inputs[1:])
        chosen = self._chosen(op)
        if chosen is not None:
            self._values.hand_on(op, chosen)
            return _reading(op, [chosen])
        self._values.note(op, combined)
        left = next((each for each in combined if each.cancelled), None)
        return None if left is None else _reading(op, self._values.tensors(left))

    def _constant(self, op: Op, combined: Sequence[Combined]) -> Range | None:
        """The one number that an operation gives, as a range."""
        value = next((each.number for each in combined if not each.powers), None)
        if _over_one_channel(self._network, op):
            value = _SOFTMAX[op.kind]
        elif op.kind in _COMPARISONS and self._values.alike(op, "input", "other"):
            value = _COMPARISONS[op.kind]
        return None if value is None else (value, value)

    def _chosen(self, op: Op) -> int | None:
        """The tensor that a condition chooses, whatever it says or because it always says so."""
        if op.kind != "where" or "input" not in op.arguments:
            return None
        condition = self._ranges.argument(op, "condition")
        alike = self._values.alike(op, "input", "other")
        name = "input" if alike or condition == (1.0, 1.0) else "other"
        chosen: Any = op.arguments.get(name)
        known = alike or condition[0] == condition[1]
        return chosen["tensor"] if known and isinstance(chosen, dict) else None


def _reading(op: Op, tensors: Iterable[int]) -> Op:
    """An operation that combines some tensors element by element, and gives the same shape."""
    return replace(op, kind="add", inputs=tuple(tensors), arguments={})
