"""Operations that leave one value of a whole map, which may be its average."""

from __future__ import annotations

from archcheck.network import Network, Op, kinds
from archcheck.rules.base import Subject
from archcheck.rules.roads.positions import MOVES, Found, driven, learned, varies, weights

_SUMS = frozenset({"sum", "nansum"})
_OTHERWISE = (
    kinds.MAX_POOLS
    | kinds.EMBEDDINGS
    | frozenset(
        """amax amin max min aminmax argmax argmin all any median nanmedian mode kthvalue quantile
        nanquantile prod sort argsort topk msort count_nonzero""".split()
    )
)
"""Kinds that leave one value of a map, which is no average."""
_WEIGHTED = (
    kinds.CONVOLUTIONS
    | kinds.TRANSPOSED_CONVOLUTIONS
    | kinds.LINEAR
    | kinds.MATRIX_PRODUCTS
    | kinds.RECURRENT
    | kinds.CELLS
)


def averages(subject: Subject, apart: set[int]) -> Found:
    """The operations behind which no map is left, though one was read: those that average it for
    certain, and those that may. ``apart`` are indices of operations that were judged already."""
    certain, doubtful = [], []
    for op in subject.network.ops:
        if op.index in apart or not op.outputs or not _ends_a_map(subject, op):
            continue
        answer = _averages(subject.network, op)
        if answer is None:
            doubtful.append(op)
        elif answer:
            certain.append(op)
    return Found(tuple(certain), tuple(doubtful))


def _ends_a_map(subject: Subject, op: Op) -> bool:
    """Whether an operation joins all positions of what it reads, or may."""
    operands = driven(subject.network, op)
    if op.kind in MOVES or not operands:
        return False
    after = varies(subject, op.outputs[0])
    before = [varies(subject, tensor) for tensor in operands]
    return after is not True and any(each is not False for each in before)


def _averages(network: Network, op: Op) -> bool | None:
    """Whether an operation that ends a map averages it; None if that cannot be excluded."""
    operands = driven(network, op)
    if op.kind in _SUMS or (op.kind == "einsum" and len(op.inputs) == len(operands) == 1):
        return True
    if op.kind in _OTHERWISE:
        return False
    if op.kind in _WEIGHTED and len(operands) == 1:
        return False if all(learned(network, each) for each in weights(network, op)) else None
    return None
