"""How torch lays results out in memory; strides count elements."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

Shape = tuple[int, ...]
Strides = tuple[int, ...]


@lru_cache(maxsize=4096)
def canonical_strides(shape: Sequence[int]) -> Strides:
    """The strides of a fresh contiguous tensor."""
    strides = []
    step = 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))


@lru_cache(maxsize=4096)
def pointwise_strides(shape: Shape, operands: tuple[tuple[Shape, Strides], ...]) -> Strides:
    """The strides of a pointwise operation's fresh result: those of its operands, if they agree.

    After ``TensorIteratorBase::fast_set_up`` and ``reorder_dimensions`` of ATen: operands of the
    result's shape that are all contiguous, or all hold images with their channels last, hand
    that on. Otherwise dimensions are sorted by the operands' strides, the first operand in which
    two dimensions differ decides, and the result is dense in that order.
    """
    rows = [_aligned(shape, *operand) for operand in operands]
    if all(size == shape for size, _ in operands):
        first = operands[0][1]
        usual = [canonical_strides(shape)]
        if len(shape) == 4:
            usual.append(channels_last_strides(shape))
        for fresh in usual:
            if all(_alike(shape, strides, fresh) for _, strides in operands):
                return fresh
        if all(strides == first for _, strides in operands) and _dense(shape, first):
            return first
    order = list(reversed(range(len(shape))))  # the innermost dimension first
    for start in range(1, len(order)):
        moving = start
        for other in range(start - 1, -1, -1):
            verdict = _compare(shape, rows, order[other], order[moving])
            if verdict > 0:
                order[other], order[moving] = order[moving], order[other]
                moving = other
            elif verdict < 0:
                break
    strides = [0] * len(shape)
    step = 1
    for dimension in order:
        strides[dimension] = step
        step *= shape[dimension]
    return tuple(strides)


def _aligned(shape: Shape, own: Shape, strides: Strides) -> list[int]:
    missing = len(shape) - len(own)
    return [0] * missing + [
        0 if size == 1 and shape[missing + place] != 1 else strides[place]
        for place, size in enumerate(own)
    ]


def _compare(shape: Shape, rows: Sequence[Sequence[int]], inner: int, outer: int) -> int:
    for row in rows:
        if row[inner] == 0 or row[outer] == 0:
            continue
        if row[inner] != row[outer]:
            return -1 if row[inner] < row[outer] else 1
        if shape[inner] > shape[outer]:
            return 1
    return 0


def _alike(shape: Shape, strides: Strides, others: Strides) -> bool:
    # Along a dimension of length one the stride does not matter.
    return all(a == b for a, b, size in zip(strides, others, shape, strict=True) if size != 1)


def channels_last_strides(shape: Shape) -> Strides:
    """The strides of a fresh image whose channels lie next to each other."""
    batch, channels, height, width = canonical_strides(tuple(shape[d] for d in (0, 2, 3, 1)))
    return (batch, width, channels, height)


def _dense(shape: Shape, strides: Strides) -> bool:
    """Whether a tensor fills its memory without gaps or overlaps."""
    step = 1
    for stride, size in sorted((st, si) for st, si in zip(strides, shape, strict=True) if si != 1):
        if stride != step:
            return False
        step *= size
    return True


@lru_cache(maxsize=4096)
def overlaps_itself(shape: Sequence[int], strides: Sequence[int]) -> bool:
    """Whether two elements of a tensor may share a place in memory."""
    extent = 0
    for stride, size in sorted(zip(strides, shape, strict=True)):
        if size > 1:
            if stride <= extent:
                return True
            extent += stride * (size - 1)
    return False
