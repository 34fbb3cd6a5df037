"""Writing by numbers, slices and constant arrays."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod

import numpy as np

from archcheck.fields.algebra import masks
from archcheck.fields.algebra.axis_map import pick
from archcheck.fields.algebra.field_map import FieldMap, NotModelledError
from archcheck.fields.algebra.indices import alike_labelled, written
from archcheck.fields.algebra.masks import Booleans
from archcheck.fields.algebra.merge import merged
from archcheck.fields.algebra.positions import EMPTY
from archcheck.fields.algebra.reshape import reshaped
from archcheck.fields.algebra.table import Factor, Table
from archcheck.fields.algebra.track import Track
from archcheck.fields.handlers.base import Context, handles, is_tensor
from archcheck.fields.handlers.framing import (
    Before,
    Box,
    alike,
    region_written,
    written_before,
    written_into_frame,
)
from archcheck.fields.handlers.indexing import Subscript, constant_index
from archcheck.fields.handlers.masking import chosen


def _like(context: Context, *names: str) -> tuple[FieldMap, list[FieldMap | None]]:
    """The map of the first argument, an empty one for a constant, and the maps of the others.

    Raises:
        NotModelledError: if all are constants.
    """
    maps = [context.map(name) for name in names]
    like = next((m for m in maps if m is not None), None)
    if like is None:
        raise NotModelledError(f"{context.op.kind} of constants by indices of the input")
    return maps[0] or constant_map(like, context.shape(names[0])), maps[1:]


def constant_map(like: FieldMap, shape: Sequence[int]) -> FieldMap:
    """The map of a constant of a shape: no unit depends on the input.

    It has as many input axes as ``like``.
    """
    factors = tuple(Factor(size, False, False) for size in shape if size != 1)
    groups = tuple(int(size != 1) for size in shape)
    empty = Track(Table.constant(EMPTY, len(factors)))
    return FieldMap(factors, groups, (empty,) * len(like.tracks))


@handles({"setitem"}, cuts=True)
def setitem(context: Context) -> FieldMap:
    """The written units hold the new value's fields, the rest what they held before."""
    shape = context.shape()
    subscript = Subscript(context, context.op.arguments.get("index"), shape)
    old, value = context.map(), context.map("value")
    array = subscript.unexpanded[0] if len(subscript.unexpanded) == 1 else None
    if array is not None and array.dtype == bool and value is None and not subscript.box():
        ahead, behind = subscript.at[0], len(shape) - subscript.at[0] - array.ndim
        keep = ~array.reshape((1,) * ahead + array.shape + (1,) * behind)
        number = context.op.arguments.get("value")
        filled = float(number) if isinstance(number, (int, float)) else None
        return chosen(context, old, None, keep, filled)
    if old is not None and _is_there(context):
        return old
    base, _ = _like(context, "input", "value")
    if value is not None:
        value = masks.settled(value)
    part = subscript.part(base)
    if subscript.at:
        value = written(part, value, subscript.at, subscript.arrays, place=subscript.place)
    elif value is not None:
        value = _fitted(value, part.shape)
    if value is not None:
        value = subscript.whole(value)
    return boxed(
        base, value, subscript.box(), partial(written_before, context, context.op.inputs[0])
    )


def _is_there(context: Context) -> bool:
    """Whether a value is a view of what it is written to: ``x[1:] += y`` also sets the item."""
    value = context.op.arguments.get("value")
    made = context.network.producer(context.op.inputs[0])
    if made is None or made.kind != "alias_write" or not is_tensor(value):
        return False
    if made.inputs[1] != value["tensor"]:
        return False
    seen, wrote = (region_written(context, op) for op in (made, context.op))
    return seen is not None and wrote is not None and alike(seen, wrote, context.shape())


def _fitted(value: FieldMap, shape: Sequence[int]) -> FieldMap:
    """A value as an assignment broadcasts it; extra leading dimensions have length one."""
    while len(value.groups) > len(shape) and value.shape[0] == 1:
        value = value.without(0)
    return merged([value], shape)


def boxed(
    base: FieldMap, value: FieldMap | None, ranges: Box, before: Before, *, adds: bool = False
) -> FieldMap:
    """A map after a write to a region that is a product of indices along some dimensions.

    ``value`` is None for a constant; ``ranges`` has the indices by dimension. ``before`` says
    whether what is written to is a frame of zeros, ``adds`` that the value holds what was there.
    """
    shape = base.shape
    base = masks.settled(base)
    framed = value and written_into_frame(value, ranges, shape, (lambda: ()) if adds else before)
    value, ranges = framed or (value, ranges)
    if not (adds and framed):
        if not ranges:
            return base.emptied() if value is None else alike_labelled(value, base)
        base = masks.without(base, _outside(shape, ranges))
    if value is None:
        return base
    for dimension, index in ranges.items():
        sides = [*value.shape[:dimension], shape[dimension], *value.shape[dimension + 1 :]]
        value = written(constant_map(value, sides), value, [dimension], [index], place=dimension)
    counting = {*base.spatial_dimensions(), *value.spatial_dimensions()}
    value = value.counting(sorted(counting))
    return merged([value] if base.empty else [base, value], shape)


def _outside(shape: Sequence[int], ranges: Box) -> Booleans:
    """Which units of a shape lie outside of a region."""
    outside = np.zeros((1,) * len(shape), dtype=bool)
    for dimension, index in ranges.items():
        along = np.ones(shape[dimension], dtype=bool)
        along[index] = False
        outside = outside | along.reshape([-1 if d == dimension else 1 for d in range(len(shape))])
    return outside


@handles({"index_put"})
def index_put(context: Context) -> FieldMap:
    """``x[indices] = values``, or ``+=``."""
    base, (value,) = _like(context, "input", "values")
    items = context.argument("indices", [])
    if any(item is None for item in items):
        raise NotModelledError("index_put beside whole dimensions")
    subscript = Subscript(context, items, context.shape())
    adds = bool(context.argument("accumulate", False))
    if subscript.numbers:
        raise NotModelledError("index_put by single numbers")
    return written(base, value, subscript.at, subscript.arrays, place=0, adds=adds)


@handles({"copy", "fill", "zero"})
def copy_into(context: Context) -> FieldMap:
    """All of a tensor overwritten."""
    old, shape = context.map(), context.output_shape
    new = context.map("src" if context.op.kind == "copy" else "value")
    if new is None:
        return constant_map(context.operands[0], shape)
    new = merged([new], shape)
    return new if old is None else alike_labelled(new, old)


@handles({"index_add", "index_copy", "index_fill", "index_reduce"})
def index_add(context: Context) -> FieldMap:
    """Slices along one dimension added or written at a list of indices."""
    name = "value" if context.op.kind == "index_fill" else "source"
    base, (value,) = _like(context, "input", name)
    dimension = base.dimension(context.argument("dim", 0))
    index = constant_index(context, context.op.arguments.get("index")).ravel()
    if context.op.kind == "index_fill" and value is not None:
        raise NotModelledError("index_fill by a value of the input")
    adds = context.op.kind in ("index_add", "index_reduce")
    if context.argument("include_self", True) is False:
        raise NotModelledError("index_reduce without what was there")
    return written(base, value, [dimension], [index], place=dimension, adds=adds)


@handles({"scatter", "scatter_add", "scatter_reduce"})
def scatter(context: Context) -> FieldMap:
    """Elements written or added at an array of indices."""
    index = constant_index(context, context.op.arguments.get("index"))
    name = "src" if is_tensor(context.op.arguments.get("src")) else "value"
    base, (value,) = _like(context, "input", name)
    dimension = base.dimension(context.argument("dim", 0))
    arrays = list(np.broadcast_arrays(*np.indices(index.shape, sparse=True)))
    arrays[dimension] = index
    if value is not None:
        value = masks.settled(value)
        for d, size in enumerate(index.shape):
            if d < len(value.groups) and value.shape[d] > size:
                value = value.gathered(d, pick(0), size)
    adds = context.op.kind != "scatter" or context.argument("reduce") is not None
    if context.op.kind == "scatter_reduce" and context.argument("include_self", True) is False:
        raise NotModelledError("scatter_reduce without what was there")
    return written(base, value, list(range(index.ndim)), arrays, place=0, adds=adds)


@handles({"slice_scatter", "select_scatter"})
def scatter_part(context: Context) -> FieldMap:
    """A copy with a part of one dimension, or one index of it, overwritten."""
    base, (value,) = _like(context, "input", "src")
    dimension = base.dimension(context.argument("dim", 0))
    places = np.arange(base.shape[dimension])
    if context.op.kind == "select_scatter":
        places = places[[context.argument("index")]]
        value = value and value.with_new(dimension)
    else:
        bounds = (context.argument(name) for name in ("start", "end", "step"))
        places = places[slice(*bounds)]
    ranges = {} if len(places) == base.shape[dimension] else {dimension: places}
    frame = partial(written_before, context, context.op.inputs[0])
    return boxed(base, value, ranges, frame)


@handles({"diagonal_scatter"})
def scatter_diagonal(context: Context) -> FieldMap:
    """A copy with the diagonal of two dimensions overwritten."""
    base, (value,) = _like(context, "input", "src")
    offset = context.argument("offset", 0)
    at = [base.dimension(context.argument(name, d)) for d, name in enumerate(("dim1", "dim2"))]
    steps = np.arange(context.shape("src")[-1])
    arrays = [steps + max(-offset, 0), steps + max(offset, 0)]
    return written(base, value, at, arrays, place=len(base.shape) - 2)


@handles({"masked_scatter", "put"})
def scatter_in_order(context: Context) -> FieldMap:
    """Elements in order of memory, written where a mask is true or at a list of indices."""
    base, (value,) = _like(context, "input", "source")
    shape, masked = context.output_shape, context.op.kind == "masked_scatter"
    places = constant_index(context, context.op.arguments.get("mask" if masked else "index"))
    places = np.flatnonzero(np.broadcast_to(places, shape)) if masked else places.ravel()
    if value is not None:
        value = reshaped(value, [prod(value.shape)])
        value = value.gathered(0, pick(0), len(places))
    line = reshaped(merged([base], shape), [prod(shape)])
    adds = bool(context.argument("accumulate", False))
    whole = reshaped(written(line, value, [0], [places], place=0, adds=adds), shape)
    return alike_labelled(whole, base)
