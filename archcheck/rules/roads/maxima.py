"""Operations that take the largest of several positions, or another one by its rank."""

from __future__ import annotations

from math import inf

from archcheck.network import Network, Op, kinds
from archcheck.rules.base import Subject
from archcheck.rules.roads.along import (
    ALONG_THE_LAST,
    along_positions,
    moved_by_constants,
    readers,
)
from archcheck.rules.roads.positions import (
    Found,
    aligned,
    driven,
    reading_the_input,
    sorted_out,
    sources,
)
from archcheck.rules.roads.smooth_maxima import SmoothMaxima

_PICKING = ALONG_THE_LAST | frozenset(
    """amax amin max min aminmax argmax argmin msort nanquantile logsumexp cummax cummin
    logcumsumexp any all""".split()
)
"""Kinds whose result along a dimension is one of its values, or leans to the largest."""
_CHOOSING = frozenset(
    """maximum minimum fmax fmin max min clamp clamp_min clamp_max where logaddexp
    logaddexp2 logical_and logical_or bitwise_and bitwise_or""".split()
)
"""Kinds that choose between the values of several tensors."""
_COMPARING = frozenset("eq ne gt ge lt le heaviside".split())
_BENDING = (kinds.ACTIVATIONS | _COMPARING) | frozenset(
    "abs sign sgn clamp clamp_min clamp_max square pow sqrt maximum minimum hypot".split()
)
"""Kinds that make the larger of two values of their difference, |a - b| or relu(a - b)."""
_NORMS = frozenset("norm vector_norm".split())


def maxima(subject: Subject) -> Found:
    """The operations by which a maximum is taken over positions, pools among them."""
    smooth = SmoothMaxima(subject)

    def answer(op: Op) -> bool | None:
        taken = _takes_a_maximum(subject, op)
        return smooth.is_one(op) if taken is False else taken

    return sorted_out((op, answer(op)) for op in reading_the_input(subject.network))


def _takes_a_maximum(subject: Subject, op: Op) -> bool | None:
    """Whether an operation takes a maximum over positions; None if it cannot be excluded."""
    if op.kind in kinds.MAX_POOLS:
        return True
    if op.kind in kinds.LP_POOLS:
        return _leans(op.arguments.get("norm_type"))
    if op.kind in _NORMS:
        power = op.arguments.get("p", op.arguments.get("ord", 2))
        return _leans(power) and along_positions(subject, op)
    if op.kind in ("scatter_reduce", "index_reduce"):
        return op.arguments.get("reduce") in ("amax", "amin")
    if op.kind in _CHOOSING and len(driven(subject.network, op)) > 1:
        return _chooses(subject, op)
    if op.kind in _PICKING:
        return along_positions(subject, op)
    if op.kind in _COMPARING or op.kind in ("sub", "add"):
        return _compares(subject, op)
    if op.kind == "gumbel_softmax":
        return along_positions(subject, op) if op.arguments.get("hard") else False
    return False if op.kind in kinds.KNOWN else None


def _leans(power: object) -> bool | None:
    """Whether a norm of some power leans to the largest value: those above 2 do."""
    if isinstance(power, str):  # "inf", "fro"
        return "inf" in power
    return power > 2 or power == -inf if isinstance(power, (int, float)) else None


def _chooses(subject: Subject, op: Op) -> bool | None:
    """Whether the tensors that an operation chooses from look at different positions."""
    network = subject.network
    chosen = [t for t in driven(network, op) if t != _condition(op)]
    if len(chosen) < 2:
        return False
    apart = aligned(subject, chosen)
    if apart is None or any(moved_by_constants(network, tensor) for tensor in chosen):
        return None
    if apart:
        return False
    origins = [sources(network, tensor)[0] for tensor in chosen]
    return True if set.intersection(*origins) else None


def _condition(op: Op) -> int | None:
    condition = op.arguments.get("condition")
    return condition["tensor"] if isinstance(condition, dict) else None


def _compares(subject: Subject, op: Op) -> bool | None:
    """A comparison of different positions: what is made of it may be the larger one."""
    network = subject.network
    operands = driven(network, op)
    if len(operands) < 2 or aligned(subject, operands):
        return False
    if op.kind == "add" and not _negates(network, op):
        return False
    if op.kind in _COMPARING:
        return None
    bent = any(each.kind in _BENDING for t in op.outputs for each in readers(network, t))
    return None if bent else False


def _negates(network: Network, op: Op) -> bool:
    """Whether a sum may be a difference."""
    made = [each for tensor in op.inputs for each in sources(network, tensor)[1]]
    return "alpha" in op.arguments or any(
        each.kind in ("neg", "mul", "div", "sub") and len(driven(network, each)) == 1
        for each in made
    )
