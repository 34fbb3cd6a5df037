"""Padding by hand: a map that is concatenated with zeros or with its own borders, or written into
a frame of zeros.

As behind any padding, it goes on beyond the frame where the image has no borders.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from archcheck.fields.algebra.axis_map import transposed_window
from archcheck.fields.algebra.field_map import FieldMap
from archcheck.fields.algebra.indices import Integers
from archcheck.fields.handlers.base import Context
from archcheck.fields.handlers.indexing import Subscript
from archcheck.fields.handlers.layout import Layout
from archcheck.network import Op
from archcheck.network.kinds import COPIES, VIEWS

_FRAMES = frozenset(
    "zeros zeros_like new_zeros zero empty empty_like new_empty full full_like new_full".split()
)
"""The kinds that make what maps are padded with. Ones are as good as a learned token."""
_REPEATING = frozenset("expand repeat repeat_interleave clone contiguous".split())
Box = Mapping[int, Integers]
"""The indices of a region along the dimensions of which it is only a part."""
Before = Callable[[], Sequence[Box] | None]
"""The regions of a frame that were written to before; None if there is no frame."""


def written_before(context: Context, tensor: int) -> list[Box] | None:
    """The regions of a frame to which something was written; None if a tensor is no frame.

    That is one of zeros, or another number, that was written to with nothing but what depends on
    the input: a learned token in front of others is no padding.
    """
    network, boxes = context.network, []
    op = network.producer(tensor)
    while op is not None and op.kind not in _FRAMES:
        if not op.inputs or not network.driven.issuperset(op.inputs[1:]):
            return None
        box = region_written(context, op)
        if box is not None:
            boxes.append(box)
        elif boxes or op.kind not in VIEWS | COPIES:
            return None
        op = network.producer(op.inputs[0])
    return None if op is None else boxes


def region_written(context: Context, op: Op) -> Box | None:
    """The region of its first operand that an operation writes to, if it is a box of it."""
    if op.kind == "setitem":
        index, shape = op.arguments.get("index"), context.network.shape(op.inputs[0])
        subscript = Subscript(context, index, shape)
        return None if subscript.at else subscript.box()
    if op.kind == "alias_write":
        seen, wrote = (Layout.of(op.arguments[name]) for name in ("seen", "written"))
        found = seen.box_of(wrote)
        return found and {d: np.arange(r.start, r.stop, r.step) for d, r in found[0].items()}
    return None


def alike(one: Box, other: Box, shape: Sequence[int]) -> bool:
    """Whether two regions of a shape are the same."""
    sides = [np.arange(side) for side in shape]
    pairs = [(one.get(d, side), other.get(d, side)) for d, side in enumerate(sides)]
    return all(np.array_equal(*pair) for pair in pairs)


def concatenated_with_frame(
    context: Context, tensors: Sequence[int], dimension: int
) -> FieldMap | None:
    """A map that is concatenated with nothing but frames; None if that is not so.

    On an image without borders, the map's own borders are a frame, too: repeated, mirrored, or
    taken around.
    """
    shape = context.network.shape
    own = max(tensors, key=lambda t: (context.maps.get(t) is not None, shape(t)[dimension]))
    m = context.maps.get(own)
    if m is None or tensors.count(own) != 1 or len(tensors) == 1 or not _goes_on(m, dimension):
        return None
    if not all(_is_padding(context, t, own, dimension) for t in tensors if t != own):
        return None
    before = sum(shape(tensor)[dimension] for tensor in tensors[: tensors.index(own)])
    return _padded(m, dimension, before, context.output_shape[dimension])


def _is_padding(context: Context, tensor: int, own: int, dimension: int) -> bool:
    if context.maps.get(tensor) is None:
        return written_before(context, tensor) is not None
    return context.reading.lattice and _is_border(context, tensor, own, dimension)


def _is_border(context: Context, tensor: int, own: int, dimension: int) -> bool:
    """Whether a tensor is made of a few positions at a border of another one."""
    cut = False
    while tensor != own:
        op = context.network.producer(tensor)
        if op is None or len(op.inputs) != 1:
            return False
        tensor = op.inputs[0]
        if op.kind == "flip":
            if not _flips(op, dimension, len(context.network.shape(tensor))):
                return False
        elif op.kind not in _REPEATING:
            cut = _takes_border(context, op, own, dimension)
            if not cut:
                return False
    return cut


def _flips(op: Op, dimension: int, rank: int) -> bool:
    """Whether a flip turns one dimension around, and no other."""
    dims: Any = op.arguments.get("dims")
    return [d % rank for d in (dims if isinstance(dims, list) else [dims])] == [dimension]


def _takes_border(context: Context, op: Op, own: int, dimension: int) -> bool:
    """Whether an operation takes a few positions at a border of a dimension, and all of the others:
    of a tensor as long as another one."""
    shape = context.network.shape(op.inputs[0])
    side = context.network.shape(own)[dimension]
    if shape[dimension] != side or op.kind != "getitem":
        return False
    subscript = Subscript(context, op.arguments.get("index"), shape)
    if subscript.numbers or subscript.new or subscript.at or subscript.slices.keys() != {dimension}:
        return False
    reach = subscript.slices[dimension]
    return 0 < len(reach) < side and (min(reach) < 2 or max(reach) > side - 3)


def written_into_frame(
    value: FieldMap, ranges: Box, shape: Sequence[int], before: Before
) -> tuple[FieldMap, Box] | None:
    """A value that is written to a region of a frame of a shape: as long as the frame along the
    axes on which it goes on, and the region along the others.

    None if there is no such axis, if something was written there before, or into no frame.
    """
    left = {d: index for d, index in ranges.items() if not _is_stretch_of(value, d, index)}
    boxes = before() if len(left) < len(ranges) else None
    if boxes is None or any(_meet(left, box) for box in boxes):
        return None
    for d in ranges.keys() - left.keys():
        first, *more = ranges[d][:2].tolist()
        value = _padded(value, d, first, shape[d], more[0] - first if more else 1)
    return value, left


def _meet(one: Box, other: Box) -> bool:
    """Whether two regions have units in common."""
    both = one.keys() & other.keys()
    return all(np.intersect1d(one[d], other[d]).size for d in both)


def _is_stretch_of(value: FieldMap, dimension: int, index: Integers) -> bool:
    steps = index[1:] - index[:-1]
    regular = bool((steps == steps[:1]).all() and (steps > 0).all())
    return regular and value.shape[dimension] == len(index) and _goes_on(value, dimension)


def _goes_on(m: FieldMap, dimension: int) -> bool:
    """Whether a map may be padded along a dimension: it goes on there, or ends everywhere."""
    first, *rest = m.factors[m.span(dimension)] or (None,)
    if first is None or not m.shape[dimension] or any(factor.lattice for factor in rest):
        return False
    return first.lattice or not (rest or first.margin or any(f.lattice for f in m.factors))


def _padded(m: FieldMap, dimension: int, before: int, size: int, step: int = 1) -> FieldMap:
    """A map with positions around and, by a step, between its own that read nothing."""
    return m.gathered(dimension, transposed_window(1, step, 1, -before), size)
