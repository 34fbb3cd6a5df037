"""Views of a tensor's memory by strides: crops, steps, sliding windows, or anything else."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

from archcheck.fields.algebra import masks
from archcheck.fields.algebra.axis_map import pick
from archcheck.fields.algebra.field_map import FieldMap, NotModelledError
from archcheck.fields.algebra.indices import MOST_UNITS, picked
from archcheck.fields.algebra.reshape import reshaped
from archcheck.fields.handlers.base import Context, handles
from archcheck.fields.handlers.layout import Layout
from archcheck.fields.handlers.unfolding import windows


class _Run(NamedTuple):
    """A dimension of the view that runs along one of the tensor, in steps of its units."""

    dimension: int
    size: int
    step: int


@handles({"as_strided"})
def as_strided(context: Context) -> FieldMap:
    """Whatever the strides make of the memory in which a tensor lies."""
    m = context.required()
    seen = Layout.of(context.argument("layout"))
    start = context.argument("storage_offset", seen.start)
    view = Layout(context.output_shape, tuple(context.argument("stride")), start)
    if seen.repeats or view.start < seen.start or view.last > seen.last:
        raise NotModelledError("memory outside of the tensor")
    if view.shape == seen.shape and view.start == seen.start and _alike(view, seen):
        return m
    begins, runs = _runs(seen, view)
    if runs is not None and all(len(along) < 3 for along in runs):
        return _read(m, view.shape, begins, runs)
    if not seen.dense or prod(view.shape) > MOST_UNITS:
        raise NotModelledError("strides that cut through rows")
    flat = reshaped(masks.settled(m), [prod(seen.shape)])
    return picked(flat, [0], [view.places() - seen.start], 0)


def _alike(view: Layout, seen: Layout) -> bool:
    """Whether views of one shape have the same strides where they matter."""
    sides = zip(view.shape, view.strides, seen.strides, strict=True)
    return all(size == 1 or own == other for size, own, other in sides)


def _runs(seen: Layout, view: Layout) -> tuple[list[int], list[list[_Run]] | None]:
    """Where a view begins in a tensor, and what runs along each of the tensor's dimensions.

    The second is None if something leaves a row.
    """
    long = [d for d, size in enumerate(seen.shape) if size > 1]
    long.sort(key=lambda d: -seen.strides[d])
    begins, left = [0] * len(seen.shape), view.start - seen.start
    for d in long:
        begins[d], left = divmod(left, seen.strides[d])
    runs: list[list[_Run]] = [[] for _ in seen.shape]
    for dimension, (size, stride) in enumerate(zip(view.shape, view.strides, strict=True)):
        if size == 1 or stride == 0:
            continue
        widest = next((d for d in long if seen.strides[d] <= stride), None)
        if widest is None or stride % seen.strides[widest]:
            return begins, None
        runs[widest].append(_Run(dimension, size, stride // seen.strides[widest]))
    ends = [
        begin + sum((run.size - 1) * run.step for run in along)
        for begin, along in zip(begins, runs, strict=True)
    ]
    inside = all(end < size for end, size in zip(ends, seen.shape, strict=True))
    return begins, runs if inside and not left else None


def _read(
    m: FieldMap, shape: Sequence[int], begins: Sequence[int], runs: Sequence[list[_Run]]
) -> FieldMap:
    """The view: of two dimensions that run along one, the longer slides over the shorter."""
    made: list[int] = []
    for d, (begin, along) in enumerate(zip(begins, runs, strict=True)):
        if not along:
            m = m.gathered(d, pick(begin), 1)
            continue
        slid, *taps = sorted(along, key=lambda run: -run.size)
        if taps:
            m = windows(m, d, taps[0].size, slid.step, taps[0].step, -begin, slid.size)
            made.append(taps[0].dimension)
        else:
            m = m.gathered(d, pick(begin, slid.step), slid.size)
    order = [max(along, key=lambda run: run.size).dimension for along in runs if along] + made
    for d in reversed(range(len(runs))):
        if not runs[d]:
            m = m.without(d)
    m = m.permuted([order.index(dimension) for dimension in sorted(order)])
    for dimension, size in enumerate(shape):
        if dimension not in order:
            m = m.with_new(dimension).grown(dimension, size)
    return m
