"""Tensors whose memory was written through another tensor.

The tracer records how both lie in memory: shape, strides and offset. These determine which
elements the two share.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from archcheck.fields.algebra import masks
from archcheck.fields.algebra.axis_map import pick
from archcheck.fields.algebra.field_map import FieldMap, NotModelledError
from archcheck.fields.algebra.indices import MOST_UNITS, Integers, alike_labelled, picked, written
from archcheck.fields.algebra.reshape import reshaped
from archcheck.fields.handlers.base import Context, handles
from archcheck.fields.handlers.writing import boxed, constant_map


@dataclass(frozen=True)
class Layout:
    """How a tensor lies in memory; ``strides`` and ``start`` count elements."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    start: int

    @staticmethod
    def of(recorded: Any) -> Layout:
        """From the plain data that the tracer recorded."""
        shape, strides, start = recorded
        return Layout(tuple(shape), tuple(strides), start)

    @property
    def dense(self) -> bool:
        """Whether the elements lie in order without gaps."""
        expected = 1
        for size, stride in zip(reversed(self.shape), reversed(self.strides), strict=True):
            if size != 1 and stride != expected:
                return False
            expected *= size
        return True

    @property
    def repeats(self) -> bool:
        """Whether an element stands in several places, as after ``expand``."""
        return any(
            stride == 0 and size > 1 for size, stride in zip(self.shape, self.strides, strict=True)
        )

    @property
    def last(self) -> int:
        """Where the last element lies."""
        pairs = zip(self.shape, self.strides, strict=True)
        return self.start + sum((size - 1) * stride for size, stride in pairs)

    def places(self) -> Integers:
        """Where every element lies."""
        places = np.full((1,) * len(self.shape), self.start)
        for axis, (size, stride) in enumerate(zip(self.shape, self.strides, strict=True)):
            sides = [1] * len(self.shape)
            sides[axis] = size
            places = places + (np.arange(size) * stride).reshape(sides)
        return places

    def box_of(self, part: Layout) -> tuple[dict[int, range], list[int]] | None:
        """Where a part lies in this tensor, None if it is not a box of it.

        The indices along each dimension of this tensor, and for each dimension of the part the
        one that it runs along (-1 for none).
        """
        left = part.start - self.start
        begins = [0] * len(self.shape)
        for d in sorted(range(len(self.shape)), key=lambda d: -self.strides[d]):
            if self.shape[d] > 1 and left >= 0:
                begins[d], left = divmod(left, self.strides[d])
        if left:
            return None
        ranges = {d: range(begin, begin + 1) for d, begin in enumerate(begins)}
        along = []
        for size, stride in zip(part.shape, part.strides, strict=True):
            if size == 1:
                along.append(-1)
                continue
            fits = [
                d
                for d in range(len(self.shape))
                if self.shape[d] > 1 and stride % self.strides[d] == 0 and d not in along
            ]
            if not fits:
                return None
            d = max(fits, key=lambda d: self.strides[d])
            step = stride // self.strides[d]
            ranges[d] = range(begins[d], begins[d] + step * size, step)
            along.append(d)
        if any(r[-1] >= self.shape[d] for d, r in ranges.items()):
            return None
        return ranges, along


@handles({"alias_write"})
def alias_write(context: Context) -> FieldMap:
    """The fields of a tensor after another view of its memory was written."""
    before, after = context.op.inputs
    old, new = context.maps.get(before), context.maps.get(after)
    shape = context.network.shape(before)
    like = old or new
    if like is None:
        raise NotModelledError("memory of constants")
    old = old or constant_map(like, shape)
    new = new or constant_map(like, context.network.shape(after))
    if context.argument("same", False):
        return new
    seen, wrote = (Layout.of(context.argument(name)) for name in ("seen", "written"))
    if wrote.last < seen.start or seen.last < wrote.start:
        return old
    if seen.repeats or wrote.repeats:
        raise NotModelledError("memory that was written through another view of it")
    dense = seen.start == wrote.start and seen.dense and wrote.dense
    if dense and prod(seen.shape) == prod(wrote.shape):
        return alike_labelled(reshaped(new, shape), old)
    inside = seen.box_of(wrote)
    if inside is not None:
        return _put_back(old, new, *inside)
    around = wrote.box_of(seen)
    if around is not None:
        return alike_labelled(_taken(new, seen, *around), old)
    return _by_hand(old, new, seen, wrote)


def _put_back(old: FieldMap, new: FieldMap, ranges: dict[int, range], along: list[int]) -> FieldMap:
    """The whole tensor after a part of it was written."""
    for dimension in reversed(range(len(along))):
        if along[dimension] < 0:
            new = new.without(dimension)
    kept = [d for d in along if d >= 0]
    new = new.permuted([kept.index(d) for d in sorted(kept)])
    for dimension in range(len(old.shape)):
        if dimension not in kept:
            new = new.with_new(dimension)
    taken = {
        d: np.arange(r.start, r.stop, r.step) for d, r in ranges.items() if r != range(old.shape[d])
    }
    return boxed(old, new, taken)


def _taken(new: FieldMap, seen: Layout, ranges: dict[int, range], along: list[int]) -> FieldMap:
    """A part of the tensor that was written."""
    for dimension, r in ranges.items():
        new = new.gathered(dimension, pick(r.start, r.step), len(r))
    kept = [d for d in along if d >= 0]
    for dimension in reversed(range(len(new.groups))):
        if dimension not in kept:
            new = new.without(dimension)
    new = new.permuted([sorted(kept).index(d) for d in kept])
    for dimension, d in enumerate(along):
        if d < 0:
            new = new.with_new(dimension)
    return new


def _by_hand(old: FieldMap, new: FieldMap, seen: Layout, wrote: Layout) -> FieldMap:
    """Element by element."""
    if prod(seen.shape) > MOST_UNITS or prod(wrote.shape) > MOST_UNITS:
        raise NotModelledError("memory that was written through another view of it")
    sources = {int(place): at for at, place in enumerate(wrote.places().ravel())}
    places = seen.places().ravel().tolist()
    hits = [at for at, place in enumerate(places) if place in sources]
    if not hits:
        return old
    flat = reshaped(masks.settled(new), [prod(wrote.shape)])
    value = picked(flat, [0], [np.array([sources[places[at]] for at in hits])], 0)
    line = reshaped(masks.settled(old), [prod(seen.shape)])
    whole = written(line, value, [0], [np.array(hits)], place=0)
    return alike_labelled(reshaped(whole, seen.shape), old)
