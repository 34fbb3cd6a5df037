"""Operations that read a map and leave out positions in between, as a dilated convolution does."""

from __future__ import annotations

from archcheck.fields.algebra.field_map import FieldMap
from archcheck.fields.forward import ForwardWalk
from archcheck.network import Op, kinds
from archcheck.network.attributes import attributes, spread
from archcheck.rules.base import Subject
from archcheck.rules.convolutions import CONVOLUTIONS, is_dilated
from archcheck.rules.roads.positions import (
    Found,
    aligned,
    driven,
    joins_positions,
    learned,
    reading_the_input,
    sorted_out,
    sources,
    walk_from,
    weights,
)

_WEIGHTED = CONVOLUTIONS | kinds.LINEAR | kinds.MATRIX_PRODUCTS
_JOINING = _WEIGHTED | kinds.FIXED_AVERAGE_POOLS | frozenset("add sub sum mean".split())
"""Kinds that join positions with weights, or may after a product with weights."""
_WHOLE = frozenset(
    """permute transpose t T mT movedim squeeze unsqueeze expand flatten flip fliplr flipud view_as
    expand_as broadcast_tensors view_as_complex view_as_real channel_shuffle roll repeat""".split()
)
"""The views that leave no position out, and none between others that were neighbours."""
_THINNING = kinds.VIEWS - _WHOLE | kinds.WINDOW_VIEWS | kinds.RESAMPLING
"""Kinds that can move positions apart or leave some out."""


def with_holes(subject: Subject) -> Found:
    """The operations that read a map with holes, dilated convolutions among them."""
    finder = _Finder(subject)
    ops = reading_the_input(subject.network)
    return sorted_out((op, finder.has_holes(op)) for op in ops)


class _Finder:
    """Finds holes."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._network = subject.network

    def has_holes(self, op: Op) -> bool | None:
        """Whether an operation reads a map with holes; None if it is not known."""
        if op.kind in CONVOLUTIONS | kinds.FIXED_MAX_POOLS and is_dilated(self._network, op):
            return True
        if op.kind == "unfold":
            return _unfolds_with_holes(op)
        if op.kind not in _JOINING:
            return False if op.kind in kinds.KNOWN else None
        operands = driven(self._network, op)
        if joins_positions(self._subject, op) is False:
            return False
        if op.kind in ("add", "sub") and aligned(self._subject, operands):
            return False
        if op.kind in _WEIGHTED and len(operands) == 1:
            kernel = [each for each in weights(self._network, op) if self._is_kernel(op, each)]
            if not all(learned(self._network, each) for each in kernel):
                return None  # there may be zeros between its weights
        return self._joins_with_holes(op, operands)

    def _is_kernel(self, op: Op, tensor: int) -> bool:
        """Whether an operand is a kernel of several taps, or the matrix of a product."""
        if op.kind in CONVOLUTIONS:
            if op.arguments["weight"]["tensor"] != tensor:
                return False
            return bool(max(attributes(self._network, op)["kernel_size"]) > 1)
        return len(self._network.shape(tensor)) > 1

    def _joins_with_holes(self, op: Op, operands: list[int]) -> bool | None:
        found: set[int] = set()
        passed: list[Op] = []
        for tensor in operands:
            more, ops = sources(self._network, tensor)
            found |= more
            passed += ops
        if not any(each.kind in _THINNING for each in passed):
            return False
        kept = {op.index, *(each.index for each in passed)}
        answers = [self._answer(op, operands, source, kept) for source in found]
        return True if True in answers else None if None in answers else False

    def _answer(self, op: Op, operands: list[int], source: int, kept: set[int]) -> bool | None:
        """Whether an operation sees a value with holes, through operations that only move it."""
        walk = walk_from(self._subject, source, kept)
        if walk is None:
            return None
        behind = _has_holes(walk, op.outputs[0])
        if behind and any(_has_holes(walk, tensor) for tensor in operands):
            return False  # it is they that have them
        return behind


def _has_holes(walk: ForwardWalk, tensor: int) -> bool | None:
    m = walk.map(tensor)
    if not isinstance(m, FieldMap):
        return False if m is None else None
    seen = [positions for track in m.tracks for positions in track.local.values.flat]
    return any(positions.count < positions.size for positions in seen)


def _unfolds_with_holes(op: Op) -> bool:
    dilation, kernel = (op.arguments.get(name, 1) for name in ("dilation", "kernel_size"))
    pairs = zip(spread(dilation, 2), spread(kernel, 2), strict=True)
    return any(step > 1 and size > 1 for step, size in pairs)
