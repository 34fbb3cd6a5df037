"""Means that lean to the largest of the values that they join: each value is weighed by itself.

By a softmax of its own over the positions, as in SoftPool, or by an exponential or a high power of
it. Attention is none: its weights come from other values than those that they weigh.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import permutations
from math import inf

from archcheck.network import Network, Op, kinds
from archcheck.network.graph import data_inputs
from archcheck.rules.base import Subject
from archcheck.rules.roads.along import along_positions, readers
from archcheck.rules.roads.positions import aligned, driven, learned, weights

_AVERAGES = kinds.FIXED_AVERAGE_POOLS | kinds.ADAPTIVE_AVERAGE_POOLS
_REDUCTIONS = frozenset("mean sum norm vector_norm".split())
_SUMS = frozenset("add sub addcmul".split())
_PRODUCTS = kinds.MATRIX_PRODUCTS | kinds.LINEAR | kinds.CONVOLUTIONS
_SOFTMAXES = frozenset("softmax log_softmax softmin gumbel_softmax".split())
_EXPONENTIALS = frozenset("exp exp2 expm1".split())
_POWERS = frozenset("pow float_power".split())
_ROOTS = _POWERS | frozenset("log log2 log10 log1p sqrt rsqrt".split())
"""Kinds that bring powers and exponentials back to the size of the values."""
_MOVES = kinds.COPIES | kinds.VIEWS | kinds.PADDING | kinds.WINDOW_VIEWS
_KEEPS = (_MOVES | _POWERS | _EXPONENTIALS | kinds.ACTIVATIONS) | frozenset(
    """mul div neg add sub abs square sqrt log clamp clamp_min clamp_max reciprocal
    batch_norm""".split()
)
"""Kinds that make another value of each one."""
_BOUNDED = frozenset("sigmoid tanh hardsigmoid hardtanh softsign".split()) | _SOFTMAXES
_SAME_DEGREE = _MOVES | kinds.ACTIVATIONS | frozenset("abs neg div sub clamp clamp_min".split())
_HIGH = 2
"""A mean of powers above this leans to the largest value: that of squares is a size."""


@dataclass(frozen=True)
class _Chain:
    """The values of which a factor is made, each of another one alone, and those operations."""

    tensors: frozenset[int]
    ops: tuple[Op, ...]

    def of(self, names: frozenset[str]) -> list[Op]:
        """The operations of some kinds."""
        return [op for op in self.ops if op.kind in names]


class SmoothMaxima:
    """Finds operations that join values of several positions which weigh themselves."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._network = subject.network
        self._degrees = _degrees(subject.network)

    def is_one(self, op: Op) -> bool | None:
        """Whether an operation joins values that weigh themselves; None if it is not known."""
        network = self._network
        operands = driven(network, op)
        if op.kind == "scaled_dot_product_attention":
            return _attends_to_itself(network, op)
        if op.kind in _SUMS and operands[1:]:
            found = _any(self._weighs(op, [each]) for each in operands)
            return False if found is False or aligned(self._subject, operands) else found
        fixed = op.kind in _PRODUCTS and not _is_learned(network, op)
        if fixed or op.kind in _AVERAGES | _REDUCTIONS:
            return self._weighs(op, operands)
        return False

    def _weighs(self, op: Op, operands: Sequence[int]) -> bool | None:
        """Whether a factor of what is joined is made of another one, and steeper."""
        factors = _factors(self._network, operands)
        chains = [_chain(self._network, factor) for factor in factors]
        pairs = [(a, b) for a, b in permutations(chains, 2) if not a.tensors.isdisjoint(b.tensors)]
        found = _any(self._is_steep(op, weight, value) for weight, value in pairs)
        alone = len(factors) == 1
        if found is False and (pairs or alone) and self._is_powered(op, operands, alone):
            return None
        return found

    def _is_steep(self, op: Op, weight: _Chain, value: _Chain) -> bool | None:
        softmaxes = weight.of(_SOFTMAXES)
        if len(softmaxes) > len(value.of(_SOFTMAXES)):
            along = along_positions(self._subject, softmaxes[0])
            scaled = any(weights(self._network, each) for each in weight.ops)
            return None if along and scaled else along
        steeper = len(weight.of(_EXPONENTIALS)) > len(value.of(_EXPONENTIALS))
        return None if steeper and self._joins_positions(op) is not False else False

    def _is_powered(self, op: Op, operands: Sequence[int], alone: bool) -> bool:
        """Whether high powers are joined, and a root is taken behind, or a quotient made."""
        degree = max(self._degrees.get(each, 0) for each in operands)
        if degree <= _HIGH or self._joins_positions(op) is False:
            return False
        moved = set(op.outputs)
        for each in readers(self._network, op.outputs[0]):
            divides = each.kind == "div" and each.inputs[0] in moved
            if each.kind in _ROOTS or (
                (divides or (each.kind == "mul" and not alone))
                and len(driven(self._network, each)) > 1
            ):
                return True
            moved.update(each.outputs)
        return False

    def _joins_positions(self, op: Op) -> bool | None:
        return along_positions(self._subject, op) if op.kind in _REDUCTIONS else True


def _any(answers: Iterable[bool | None]) -> bool | None:
    found = list(answers)
    return True if True in found else None if None in found else False


def _is_learned(network: Network, op: Op) -> bool:
    """Whether an operation weighs values by parameters."""
    others = weights(network, op)
    return len(driven(network, op)) < 2 and any(learned(network, each) for each in others)


def _attends_to_itself(network: Network, op: Op) -> bool | None:
    """Attention over single numbers that are their own keys: its softmax is one over them."""
    _, key, value = op.inputs[:3]
    if network.shape(key)[-1] > 1:
        return False
    chains = [_chain(network, each) for each in (key, value)]
    return False if chains[0].tensors.isdisjoint(chains[1].tensors) else None


def _factors(network: Network, tensors: Sequence[int]) -> list[int]:
    """The factors of products whose values were only moved since; of a quotient that above."""
    factors, waiting, seen = list[int](), list(tensors), set[int]()
    while waiting:
        tensor = waiting.pop()
        op = network.producer(tensor)
        if tensor in seen or tensor not in network.driven:
            continue
        seen.add(tensor)
        if op is not None and (op.kind == "mul" or op.kind in _MOVES):
            waiting += data_inputs(op)
        elif op is not None and op.kind == "div" and op.inputs[0] in network.driven:
            waiting.append(op.inputs[0])
        else:
            factors.append(tensor)
    return factors


def _chain(network: Network, tensor: int) -> _Chain:
    tensors, ops = {tensor}, list[Op]()
    while (op := network.producer(tensor)) is not None:
        before = _before(network, op)
        if before is None:
            break
        ops.append(op)
        tensors.add(before)
        tensor = before
    return _Chain(frozenset(tensors), tuple(ops))


def _before(network: Network, op: Op) -> int | None:
    """The operand of which each value of an operation is made, None if there are several."""
    operands = driven(network, op)
    if op.kind in ("sub", "div") and op.inputs[0] in operands:
        return op.inputs[0]  # less the largest, or in shares of the sum
    fixed = op.kind in _PRODUCTS and not _is_learned(network, op)
    return operands[0] if len(operands) == 1 and (op.kind in _KEEPS or fixed) else None


def _degrees(network: Network) -> dict[int, float]:
    """The power of a value that another one is, where it is not 1; infinite for exponentials."""
    degrees: dict[int, float] = {}
    for op in network.ops:
        degree = _degree(network, op, degrees)
        if degree != 1 and not network.driven.isdisjoint(op.outputs):
            degrees.update(dict.fromkeys(op.outputs, degree))
    return degrees


def _degree(network: Network, op: Op, degrees: dict[int, float]) -> float:
    read = [degrees.get(each, 1.0) for each in op.inputs if each in network.driven]
    if not read:
        return 1
    if op.kind in _EXPONENTIALS:
        return inf
    if op.kind in _POWERS:
        return read[0] * _exponent(network, op)
    if op.kind == "square":
        return 2 * read[0]
    if op.kind in ("mul", "addcmul"):
        return sum(read)
    if op.kind == "add":
        return max(read)
    if op.kind in _BOUNDED:
        return 0
    return read[0] if op.kind in _SAME_DEGREE else 1


def _exponent(network: Network, op: Op) -> float:
    """The exponent of a power, infinite where it is not a number or what is raised is one."""
    exponent = op.arguments.get("exponent")
    raised = op.inputs[0] in network.driven and not op.function.endswith("__rpow__")
    return exponent if raised and isinstance(exponent, (int, float)) else inf
