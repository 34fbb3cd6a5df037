"""Whether an operation joins or picks along dimensions that hold positions, and what reads it."""

from __future__ import annotations

from archcheck.network import Network, Op, kinds
from archcheck.network.graph import data_inputs
from archcheck.rules.base import Subject
from archcheck.rules.roads.positions import (
    dimensions,
    learned,
    may_hide_positions,
    sources,
    varies_behind,
    weights,
)

ALONG_THE_LAST = frozenset("sort argsort topk kthvalue mode median nanmedian quantile".split())
"""Kinds that work along the last dimension by default."""


def along_positions(subject: Subject, op: Op) -> bool | None:
    """Whether an operation works along dimensions that hold positions; None if not known."""
    tensor = op.inputs[0]
    if len(data_inputs(op)) > 1:  # max(x, 0): elementwise
        return False
    if moved_by_constants(subject.network, tensor):
        return None
    rank = len(subject.network.shape(tensor))
    default = -1 if op.kind in ALONG_THE_LAST and "dim" not in op.arguments else None
    if op.kind in ("median", "nanmedian", "quantile"):
        default = None
    reduced = (0,) if op.kind == "msort" else dimensions(op, rank, default)
    if reduced is None:
        return None
    joins = varies_behind(subject, tensor, reduced)
    return None if joins is False and may_hide_positions(subject, tensor, reduced) else joins


def moved_by_constants(network: Network, tensor: int) -> bool:
    """Whether a value comes from a product with constants, which may move positions."""
    products = kinds.CONVOLUTIONS | kinds.LINEAR | kinds.MATRIX_PRODUCTS
    for source in sources(network, tensor)[0]:
        maker = network.producer(source)
        if maker is not None and maker.kind in products:
            constant = [each for each in weights(network, maker) if not learned(network, each)]
            if constant:
                return True
    return False


def readers(network: Network, tensor: int) -> list[Op]:
    """The operations that read a value, also where it was only moved or scaled."""
    readers = []
    waiting = [tensor]
    while waiting:
        for op in network.consumers.get(waiting.pop(), ()):
            readers.append(op)
            if op.kind in kinds.COPIES | kinds.VIEWS | {"mul", "div", "neg"}:
                waiting += op.outputs
    return readers
