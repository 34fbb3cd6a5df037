"""Operations that leave one value of a whole map, which may be its average."""

from __future__ import annotations

from archcheck.network import Network, Op, kinds
from archcheck.rules.base import Subject
from archcheck.rules.roads.positions import (
    MOVES,
    Found,
    driven,
    joins_positions,
    learned,
    may_hide_positions,
    sorted_out,
    varies,
    weights,
)

_POINTWISE = MOVES | kinds.ELEMENTWISE | kinds.NORMALIZATIONS | kinds.ACTIVATIONS | kinds.DROPOUTS
"""Kinds that leave as many units as they read, or only move them."""
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
    ops = (op for op in subject.network.ops if op.index not in apart and op.outputs)
    return sorted_out((op, _is_average(subject, op)) for op in ops)


def _is_average(subject: Subject, op: Op) -> bool | None:
    if _hides_an_average(subject, op):
        return None
    return _ends_a_map(subject, op) and _averages(subject.network, op)


def _hides_an_average(subject: Subject, op: Op) -> bool:
    """Whether one unit of what is left may be the average of all: the last of a running sum, the
    first of a spectrum, a row of a product with constants."""
    network = subject.network
    operands = driven(network, op)
    if not operands:
        return False
    if op.kind in kinds.SPECTRA or op.kind == "cumsum":
        return True
    if op.kind in kinds.LINEAR | kinds.MATRIX_PRODUCTS and len(operands) == 1:
        constant = not all(learned(network, each) for each in weights(network, op))
        return constant and len(op.inputs) > 1 and joins_positions(subject, op) is not False
    return op.kind in kinds.CONVOLUTIONS and _spans_a_map(network, op)


def _spans_a_map(network: Network, op: Op) -> bool:
    """Whether a convolution with a constant kernel has windows as large as its map."""
    kernel = op.arguments["weight"]["tensor"]
    window = network.shape(kernel)[2:]
    sides = network.shape(op.inputs[0])[-len(window) :]
    whole = all(size >= side for size, side in zip(window, sides, strict=True))
    return whole and not learned(network, kernel)


def _ends_a_map(subject: Subject, op: Op) -> bool:
    """Whether an operation joins all positions of what it reads, or may."""
    operands = driven(subject.network, op)
    if op.kind in _POINTWISE:
        return False
    after = varies(subject, op.outputs[0])
    return after is not True and any(_may_be_a_map(subject, tensor) for tensor in operands)


def _may_be_a_map(subject: Subject, tensor: int) -> bool:
    dims = range(1, len(subject.network.shape(tensor)))
    return varies(subject, tensor) is not False or may_hide_positions(subject, tensor, dims)


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
