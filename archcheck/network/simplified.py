"""A network without what cancels out: ``x + y - y`` is ``x``, ``y / y`` and ``y > y`` are numbers.

Which values are the same, sums and products of them, and the ranges of values are followed from one
operation to the next. An operation whose result is known to depend on less than it reads is
replaced by one that reads what is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod

from msgspec.structs import replace

from archcheck.network import kinds
from archcheck.network.model import Network, Op
from archcheck.network.operands import tensor_of
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
    """clamp clamp_min clamp_max minimum maximum fmin fmax hardtanh logsigmoid log_softmax sign
    floor ceil trunc round where neg sub bitwise_and bitwise_or logical_and logical_or threshold
    hardshrink softshrink""".split()
)
_WEIGHING = {
    "lerp": (("weight",), "input"),
    "addcmul": (("tensor1", "tensor2", "value"), "input"),
    "addcdiv": (("tensor1", "value"), "input"),
}
"""Kinds that leave one operand alone where another argument is zero: which, and the one left."""
_LARGER = {
    "maximum": ("input", "other", True),
    "fmax": ("input", "other", True),
    "max": ("input", "dim", True),
    "clamp_min": ("input", "min", True),
    "minimum": ("input", "other", False),
    "fmin": ("input", "other", False),
    "min": ("input", "dim", False),
    "clamp_max": ("input", "max", False),
}
"""Kinds that give the larger, or the smaller, of two arguments."""
_OF_ITSELF = {"cosine_similarity": ("x1", "x2"), "pairwise_distance": ("x1", "x2")}
"""Kinds that give the same whatever they read twice."""
_SUSPICIOUS = (
    (_BOUNDING | _COMPARISONS.keys())
    | (_WEIGHING.keys() | _OF_ITSELF.keys())
    | frozenset("reciprocal pow isnan".split())
)
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
        return len(op.inputs) > 1 or _has_negative(op)
    if op.kind in ("mul", "add"):
        return _has_negative(op)
    if op.kind == "sum":
        maker = network.producer(op.inputs[0])
        return maker is not None and maker.kind in _SOFTMAX
    if op.kind in kinds.NORMALIZATIONS:
        return _leaves_nothing(network, op, ranges)
    if op.kind in kinds.COPIES:
        return _becomes_whole(network, op)
    return op.kind in _SUSPICIOUS or _over_one_channel(network, op)


def _has_negative(op: Op) -> bool:
    values = [op.arguments.get(name) for name in ("other", "alpha")]
    return any(isinstance(value, (int, float)) and value < 0 for value in values)


def _becomes_whole(network: Network, op: Op) -> bool:
    """Whether a copy cuts real numbers off to whole ones."""
    if not op.inputs or not op.outputs:
        return False
    before, after = (network.tensors[t].dtype for t in (op.inputs[0], op.outputs[0]))
    return "float" in before and "float" not in after


def _over_one_channel(network: Network, op: Op) -> bool:
    """Whether a softmax weighs a single channel. That of a single token depends on the input."""
    if op.kind not in _SOFTMAX or not op.inputs:
        return False
    shape, dim = network.shape(op.inputs[0]), op.arguments.get("dim")
    if len(shape) in (0, 3) or not isinstance(dim, int):
        return False
    return dim % len(shape) == 1 and shape[1] == 1


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
        if op.kind in _OF_ITSELF and self._values.alike(op, *_OF_ITSELF[op.kind]):
            self._values.note(op)
            return replace(op, inputs=(), arguments={})
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
        elif self._sums_weights(op):
            value = 1.0
        elif op.kind in _COMPARISONS and self._values.alike(op, "input", "other"):
            value = _COMPARISONS[op.kind]
        return None if value is None else (value, value)

    def _sums_weights(self, op: Op) -> bool:
        """Whether an operation sums what a softmax gave, along the same dimension."""
        maker = self._network.producer(op.inputs[0]) if op.kind == "sum" else None
        if maker is None or maker.kind not in ("softmax", "softmin"):
            return False
        rank = len(self._network.shape(op.inputs[0]))
        summed, weighed = (each.arguments.get("dim") for each in (op, maker))
        dims = summed if isinstance(summed, list) else [summed]
        if not isinstance(weighed, int):
            return False
        return {d % rank for d in dims if isinstance(d, int)} == {weighed % rank}

    def _chosen(self, op: Op) -> int | None:
        """The operand that is handed on, whatever the values are."""
        name = self._left_alone(op)
        return None if name is None else tensor_of(op.arguments.get(name))

    def _left_alone(self, op: Op) -> str | None:
        """The argument that is handed on."""
        if op.kind == "where" and "input" in op.arguments:
            return self._by_condition(op)
        if op.kind in _WEIGHING:
            names, left = _WEIGHING[op.kind]
            return left if (0.0, 0.0) in [self._ranges.argument(op, n) for n in names] else None
        if op.kind in _LARGER:
            one, two, larger = _LARGER[op.kind]
            first, other = self._ranges.argument(op, one), self._ranges.argument(op, two)
            above, below = first[0] >= other[1], first[1] <= other[0]
            if above or below:
                return one if above == larger else two
        return None

    def _by_condition(self, op: Op) -> str | None:
        """What a condition chooses, whatever it says or because it always says so."""
        condition = self._ranges.argument(op, "condition")
        alike = self._values.alike(op, "input", "other")
        if not alike and condition[0] != condition[1]:
            return None
        return "input" if alike or condition[0] == 1 else "other"


def _reading(op: Op, tensors: Iterable[int]) -> Op:
    """An operation that combines some tensors element by element, and gives the same shape."""
    return replace(op, kind="add", inputs=tuple(tensors), arguments={})
