"""Tensors whose memory was written through another tensor.

The tracer records how both lie in memory: shape, strides and offset. These determine which
elements the two share.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod

import numpy as np

from archcheck.fields.algebra import masks
from archcheck.fields.algebra.axis_map import pick
from archcheck.fields.algebra.field_map import FieldMap, NotModelledError
from archcheck.fields.algebra.indices import MOST_UNITS, alike_labelled, picked, written
from archcheck.fields.algebra.reshape import reshaped
from archcheck.fields.handlers.base import Context, handles
from archcheck.fields.handlers.framing import written_before
from archcheck.fields.handlers.layout import Layout
from archcheck.fields.handlers.writing import boxed, constant_map
from archcheck.network.kinds import VIEWS


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
        ranges, along = inside
        part = {d: np.array(r) for d, r in ranges.items() if r != range(shape[d])}
        frame = partial(written_before, context, before)
        return boxed(old, _put_back(new, shape, along), part, frame, adds=_adds(context))
    around = wrote.box_of(seen)
    if around is not None:
        return alike_labelled(_taken(new, seen, *around), old)
    return _by_hand(old, new, seen, wrote)


def _adds(context: Context) -> bool:
    """Whether the part of a tensor that was written holds what it held before, and more."""
    before, after = context.op.inputs
    wrote = context.network.ops[context.argument("by")]
    view = context.network.producer(wrote.inputs[0]) if wrote.inputs else None
    viewed = view is not None and view.kind in VIEWS and view.inputs[:1] == (before,)
    return viewed and wrote.kind in ("add", "sub") and context.maps.get(after) is not None


def _put_back(new: FieldMap, shape: Sequence[int], along: list[int]) -> FieldMap:
    """A part of a tensor that was written, with the dimensions of the whole tensor."""
    for dimension in reversed(range(len(along))):
        if along[dimension] < 0:
            new = new.without(dimension)
    kept = [d for d in along if d >= 0]
    new = new.permuted([kept.index(d) for d in sorted(kept)])
    for dimension in range(len(shape)):
        if dimension not in kept:
            new = new.with_new(dimension)
    return new


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
