"""Operations that take the largest of several positions, or another one by its rank."""

from __future__ import annotations

from math import inf

from archcheck.network import Network, Op, kinds
from archcheck.network.graph import data_inputs
from archcheck.rules.base import Subject
from archcheck.rules.roads.positions import (
    Found,
    aligned,
    dimensions,
    driven,
    learned,
    may_hide_positions,
    reading_the_input,
    sorted_out,
    sources,
    varies_behind,
    weights,
)

_ALONG_THE_LAST = frozenset("sort argsort topk kthvalue mode median nanmedian quantile".split())
_PICKING = _ALONG_THE_LAST | frozenset(
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
_MEANS = kinds.FIXED_AVERAGE_POOLS | kinds.ADAPTIVE_AVERAGE_POOLS | {"mean", "sum"}


def maxima(subject: Subject) -> Found:
    """The operations by which a maximum is taken over positions, pools among them."""
    ops = reading_the_input(subject.network)
    return sorted_out((op, _takes_a_maximum(subject, op)) for op in ops)


def _takes_a_maximum(subject: Subject, op: Op) -> bool | None:
    """Whether an operation takes a maximum over positions; None if it cannot be excluded."""
    if op.kind in kinds.MAX_POOLS:
        return True
    if op.kind in kinds.LP_POOLS:
        return _leans(op.arguments.get("norm_type"))
    if op.kind in _NORMS:
        power = op.arguments.get("p", op.arguments.get("ord", 2))
        return _leans(power) and _along_positions(subject, op)
    if op.kind in ("scatter_reduce", "index_reduce"):
        return op.arguments.get("reduce") in ("amax", "amin")
    if op.kind in _CHOOSING and len(driven(subject.network, op)) > 1:
        return _chooses(subject, op)
    if op.kind in _PICKING:
        return _along_positions(subject, op)
    if op.kind in _COMPARING or op.kind in ("sub", "add"):
        return _compares(subject, op)
    if op.kind == "gumbel_softmax":
        return _along_positions(subject, op) if op.arguments.get("hard") else False
    if op.kind in _MEANS:
        return None if _is_powered(subject.network, op) else False
    return False if op.kind in kinds.KNOWN else None


def _leans(power: object) -> bool | None:
    """Whether a norm of some power leans to the largest value: those above 2 do."""
    if isinstance(power, str):  # "inf", "fro"
        return "inf" in power
    return power > 2 or power == -inf if isinstance(power, (int, float)) else None


def _along_positions(subject: Subject, op: Op) -> bool | None:
    tensor = op.inputs[0]
    if len(data_inputs(op)) > 1:  # max(x, 0): elementwise
        return False
    if _moved_by_constants(subject.network, tensor):
        return None
    rank = len(subject.network.shape(tensor))
    default = -1 if op.kind in _ALONG_THE_LAST and "dim" not in op.arguments else None
    if op.kind in ("median", "nanmedian", "quantile"):
        default = None
    reduced = (0,) if op.kind == "msort" else dimensions(op, rank, default)
    if reduced is None:
        return None
    joins = varies_behind(subject, tensor, reduced)
    return None if joins is False and may_hide_positions(subject, tensor, reduced) else joins


def _chooses(subject: Subject, op: Op) -> bool | None:
    """Whether the tensors that an operation chooses from look at different positions."""
    network = subject.network
    chosen = [t for t in driven(network, op) if t != _condition(op)]
    if len(chosen) < 2:
        return False
    apart = aligned(subject, chosen)
    if apart is None or any(_moved_by_constants(network, tensor) for tensor in chosen):
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
    readers = [reader for tensor in op.outputs for reader in _readers(network, tensor)]
    return None if any(reader.kind in _BENDING for reader in readers) else False


def _negates(network: Network, op: Op) -> bool:
    """Whether a sum may be a difference."""
    made = [each for tensor in op.inputs for each in sources(network, tensor)[1]]
    return "alpha" in op.arguments or any(
        each.kind in ("neg", "mul", "div", "sub") and len(driven(network, each)) == 1
        for each in made
    )


def _readers(network: Network, tensor: int) -> list[Op]:
    """The operations that read a value, also where it was only moved or scaled."""
    readers = []
    waiting = [tensor]
    while waiting:
        for op in network.consumers.get(waiting.pop(), ()):
            readers.append(op)
            if op.kind in kinds.COPIES | kinds.VIEWS | {"mul", "div", "neg"}:
                waiting += op.outputs
    return readers


def _is_powered(network: Network, op: Op) -> bool:
    """Whether a mean is one of high powers, which leans to the largest value."""
    waiting, passed = [op.inputs[0]], set[int]()
    while waiting:
        tensor = waiting.pop()
        maker = network.producer(tensor)
        if maker is None or tensor in passed:
            continue
        passed.add(tensor)
        if maker.kind in ("exp", "exp2") or (maker.kind in ("pow", "float_power") and _high(maker)):
            return any(
                reader.kind in ("log", "log2", "pow", "float_power", "sqrt")
                for reader in _readers(network, op.outputs[0])
            )
        if maker.kind in kinds.COPIES | kinds.VIEWS | kinds.PADDING | {"mul", "div"}:
            waiting += data_inputs(maker)
    return False


def _high(op: Op) -> bool:
    exponent = op.arguments.get("exponent")
    return not isinstance(exponent, (int, float)) or exponent > 2


def _moved_by_constants(network: Network, tensor: int) -> bool:
    """Whether a value comes from a product with constants, which may move positions."""
    products = kinds.CONVOLUTIONS | kinds.LINEAR | kinds.MATRIX_PRODUCTS
    for source in sources(network, tensor)[0]:
        maker = network.producer(source)
        if maker is not None and maker.kind in products:
            constant = [each for each in weights(network, maker) if not learned(network, each)]
            if constant:
                return True
    return False
