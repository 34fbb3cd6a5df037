"""Operations that move values without changing them: the fields move along."""

from __future__ import annotations

from math import prod

import numpy as np
from msgspec.structs import replace

from archcheck.fields.algebra.axis_map import AxisMap, pick, window
from archcheck.fields.algebra.field_map import FieldMap, NotModelledError
from archcheck.fields.algebra.indices import alike_labelled, along, picked
from archcheck.fields.algebra.merge import merged
from archcheck.fields.algebra.reshape import divided, reshaped, together
from archcheck.fields.algebra.table import Factor
from archcheck.fields.handlers.base import Context, Result, handles, integers, is_tensor
from archcheck.fields.handlers.indexing import constant_index


@handles({"view", "reshape", "flatten", "unflatten", "reshape_as", "view_as"}, cuts=True)
def reshape(context: Context) -> FieldMap:
    """Another shape of as many elements."""
    m = context.required()
    if prod(m.shape) != prod(context.output_shape):
        raise NotModelledError("a view of another element type")
    return reshaped(m, context.output_shape)


@handles({"permute"}, cuts=True)
def permute(context: Context) -> FieldMap:
    """Dimensions in another order."""
    m = context.required()
    return m.permuted([m.dimension(d) for d in context.argument("dims", [])])


@handles({"transpose", "t", "T", "mT"}, cuts=True)
def transpose(context: Context) -> FieldMap:
    """Two dimensions exchanged."""
    m = context.required()
    order = list(range(len(m.groups)))
    if context.op.kind in ("t", "T"):
        return m.permuted(order[::-1])
    first, second = -2, -1
    if context.op.kind == "transpose":
        first, second = context.argument("dim0", 0), context.argument("dim1", 1)
    first, second = m.dimension(first), m.dimension(second)
    order[first], order[second] = order[second], order[first]
    return m.permuted(order)


@handles({"movedim"}, cuts=True)
def movedim(context: Context) -> FieldMap:
    """Dimensions moved to other places."""
    m = context.required()
    source = context.argument("source")
    target = context.argument("destination")
    sources = [source] if isinstance(source, int) else list(source)
    targets = [target] if isinstance(target, int) else list(target)
    sources = [m.dimension(d) for d in sources]
    targets = [m.dimension(d) for d in targets]
    placed = dict(zip(targets, sources, strict=True))
    rest = iter(d for d in range(len(m.groups)) if d not in sources)
    return m.permuted([placed[d] if d in placed else next(rest) for d in range(len(m.groups))])


@handles({"squeeze"}, cuts=True)
def squeeze(context: Context) -> FieldMap:
    """Dimensions of length one dropped."""
    m = context.required()
    named = context.argument("dim")
    if named is None:
        chosen = set(range(len(m.groups)))
    else:
        chosen = {m.dimension(d) for d in ([named] if isinstance(named, int) else named)}
    for dimension in sorted(chosen, reverse=True):
        if m.shape[dimension] == 1:
            m = m.without(dimension)
    return m


@handles({"unsqueeze"}, cuts=True)
def unsqueeze(context: Context) -> FieldMap:
    """A new dimension of length one."""
    m = context.required()
    return m.with_new(context.argument("dim", 0) % (len(m.groups) + 1))


@handles({"expand", "expand_as"}, cuts=True)
def expand(context: Context) -> FieldMap:
    """Dimensions of length one repeated."""
    m = context.required()
    shape = context.output_shape
    missing = len(shape) - len(m.groups)
    for _ in range(missing):
        m = m.with_new(0)
    for dimension, size in enumerate(shape):
        if m.shape[dimension] == 1 and size != 1:
            m = m.grown_as(dimension, _label(context, m, dimension, size))
    return m


def _label(context: Context, m: FieldMap, dimension: int, size: int) -> Factor:
    """What a dimension of length one is when it is repeated: an axis again, if it stands where the
    input has one and no other dimension can be that axis."""
    label = m.label(dimension, size)
    inputs = zip(context.network.inputs, context.network.given_tensors, strict=True)
    ranks = {len(context.network.shape(tensor)): given.positions for tensor, given in inputs}
    axes = ranks.get(len(m.groups), ())
    apart = axes and not any(factor.fused for factor in m.factors)
    if apart and dimension in axes and set(m.spatial_dimensions()) <= set(axes):
        return replace(label, spatial=True)
    return label


_SPLITTING = {"hsplit": 1, "vsplit": 0, "dsplit": 2}


@handles({"chunk", "split", "tensor_split", "unbind", *_SPLITTING}, cuts=True)
def split(context: Context) -> list[Result]:
    """Consecutive parts of one dimension."""
    m = context.required()
    named = _SPLITTING.get(context.op.kind, context.argument("dim", 0))
    dimension = 0 if context.op.kind == "hsplit" and len(m.groups) == 1 else m.dimension(named)
    parts: list[Result] = []
    before = 0
    for output in context.op.outputs:
        if context.op.kind == "unbind":
            parts.append(m.gathered(dimension, pick(before), 1).without(dimension))
            before += 1
            continue
        size = context.network.shape(output)[dimension]
        parts.append(m.gathered(dimension, pick(before), size))
        before += size
    return parts


@handles({"narrow"}, cuts=True)
def narrow(context: Context) -> FieldMap:
    """One part of a dimension."""
    m = context.required()
    start, length = context.argument("start"), context.argument("length")
    if not isinstance(start, int) or not isinstance(length, int):
        raise NotModelledError("narrow from a position that a tensor gives")
    dimension = m.dimension(context.argument("dim", 0))
    return m.gathered(dimension, pick(start % max(m.shape[dimension], 1)), length)


@handles({"select"}, cuts=True)
def select(context: Context) -> FieldMap:
    """One index of a dimension."""
    m = context.required()
    dimension = m.dimension(context.argument("dim", 0))
    return _selected(m, dimension, context.argument("index", 0))


def _selected(m: FieldMap, dimension: int, index: int) -> FieldMap:
    index %= m.shape[dimension]
    return m.gathered(dimension, pick(index), 1).without(dimension)


@handles({"flip"}, cuts=True)
def flip(context: Context) -> FieldMap:
    """Dimensions in reverse."""
    m = context.required()
    dims = context.argument("dims", [])
    for d in [dims] if isinstance(dims, int) else dims:
        dimension = m.dimension(d)
        size = m.shape[dimension]
        m = m.gathered(dimension, pick(size - 1, -1), size)
    return m


@handles({"fliplr", "flipud", "reversed"}, cuts=True)
def flip_one(context: Context) -> FieldMap:
    """The second or the first dimension in reverse."""
    m = context.required()
    dimension = int(context.op.kind == "fliplr")
    return m.gathered(dimension, pick(m.shape[dimension] - 1, -1), m.shape[dimension])


@handles({"rot90"}, cuts=True)
def rot90(context: Context) -> FieldMap:
    """Quarter turns in a plane."""
    m = context.required()
    first, second = (m.dimension(d) for d in context.argument("dims", [0, 1]))
    order = list(range(len(m.groups)))
    order[first], order[second] = second, first
    for _ in range(context.argument("k", 1) % 4):
        m = m.permuted(order)
        m = m.gathered(first, pick(m.shape[first] - 1, -1), m.shape[first])
    return m


@handles({"roll"}, cuts=True)
def roll(context: Context) -> FieldMap:
    """Positions shifted around the borders; on an infinite image, just shifted."""
    m = context.required()
    shifts, dims = context.argument("shifts"), context.argument("dims")
    if dims in (None, []):
        flat = reshaped(m, [prod(m.shape)])
        (shift,) = integers(shifts, 1)
        flat = flat.single(0)
        flat = flat.pinned(flat.span(0).start) if flat.groups[0] else flat
        return alike_labelled(reshaped(_rolled(flat, 0, shift), m.shape), m)
    dims = [dims] if isinstance(dims, int) else dims
    for shift, d in zip(integers(shifts, len(dims)), dims, strict=True):
        m = _rolled(m, m.dimension(d), shift)
    return m


def _rolled(m: FieldMap, dimension: int, shift: int) -> FieldMap:
    return m.gathered(dimension, AxisMap(1, 1, ((-shift,),), "wrap"), m.shape[dimension])


@handles({"diagonal"}, cuts=True)
def diagonal(context: Context) -> FieldMap:
    """The diagonal of two dimensions, as a new last one."""
    m = context.required()
    offset = context.argument("offset", 0)
    first, second = (
        m.dimension(context.argument("dim1", 0)),
        m.dimension(context.argument("dim2", 1)),
    )
    steps = np.arange(context.output_shape[-1])
    rest = [d for d in range(len(m.groups)) if d not in (first, second)]
    arrays = [steps + max(-offset, 0), steps + max(offset, 0)]
    return picked(m, [first, second], arrays, len(rest))


@handles({"broadcast_tensors"})
def broadcast_tensors(context: Context) -> list[Result]:
    """Every tensor in the shape that all of them broadcast to."""
    maps = [context.maps.get(tensor) for tensor in context.op.inputs]
    return [None if m is None else merged([m], context.output_shape) for m in maps]


@handles({"meshgrid"})
def meshgrid(context: Context) -> list[Result]:
    """Each vector along a dimension of its own, repeated along the others."""
    tensors = [item["tensor"] for item in context.argument("tensors", [])]
    places = list(range(len(tensors)))
    if context.argument("indexing") == "xy":
        places[:2] = places[1::-1]
    grids: list[Result] = []
    for tensor, place in zip(tensors, places, strict=True):
        m = context.maps.get(tensor)
        if m is not None:
            m = m if m.groups else m.with_new(0)
            for dimension, size in enumerate(context.output_shape):
                if dimension != place:
                    m = m.with_new(dimension).grown(dimension, size)
        grids.append(m)
    return grids


@handles({"diff"})
def diff(context: Context) -> FieldMap:
    """Differences of neighbours."""
    m = context.required()
    if is_tensor(context.op.arguments.get("prepend")) or is_tensor(
        context.op.arguments.get("append")
    ):
        raise NotModelledError("diff of a tensor put together")
    dimension = m.dimension(context.argument("dim", -1))
    times = context.argument("n", 1)
    return m.gathered(dimension, window(times + 1, 1, 1, 0), context.output_shape[dimension])


@handles({"repeat", "tile"}, cuts=True)
def repeat(context: Context) -> FieldMap:
    """The whole tensor several times over."""
    m = context.required()
    shape = context.output_shape
    while len(m.groups) < len(shape):
        m = m.with_new(0)
    for dimension, size in enumerate(shape):
        old = m.shape[dimension]
        if old == 1 and size > 1:
            m = m.grown_as(dimension, _label(context, m, dimension, size))
        elif old != size:
            m = m.single(dimension)
            m = m.pinned(m.span(dimension).start)
            m = m.gathered(dimension, AxisMap(1, 1, ((0,),), "wrap"), size)
    return m


@handles({"repeat_interleave"}, cuts=True)
def repeat_interleave(context: Context) -> FieldMap:
    """Every index of a dimension several times in a row."""
    m = context.required()
    repeats, dim = context.op.arguments.get("repeats"), context.argument("dim")
    if dim is None:
        m, dim = reshaped(m, [prod(m.shape)]), 0
    dimension = m.dimension(dim)
    if isinstance(repeats, int) and m.shape[dimension] == 1 < repeats:
        return m.grown_as(dimension, _label(context, m, dimension, repeats))
    if isinstance(repeats, int):
        read = AxisMap(repeats, 1, ((0,),) * repeats)
        return m.gathered(dimension, read, m.shape[dimension] * repeats)
    times = constant_index(context, repeats).ravel()
    return along(m, dimension, np.repeat(np.arange(m.shape[dimension]), times))


@handles({"pixel_shuffle"}, cuts=True)
def pixel_shuffle(context: Context) -> FieldMap:
    """Channels spread over r x r positions."""
    m = context.required()
    r = context.argument("upscale_factor")
    b = len(m.groups) - 3  # channels stand as (c, r, r) in front of height and width
    split = divided(divided(m, b, r * r), b + 1, r)
    mixed = split.permuted([*range(b), b, b + 3, b + 1, b + 4, b + 2])
    return together(together(mixed, b + 3), b + 1)


@handles({"pixel_unshuffle"}, cuts=True)
def pixel_unshuffle(context: Context) -> FieldMap:
    """r x r positions gathered into channels."""
    m = context.required()
    r = context.argument("downscale_factor")
    b = len(m.groups) - 3
    split = divided(divided(m, b + 2, r), b + 1, r)
    mixed = split.permuted([*range(b), b, b + 2, b + 4, b + 1, b + 3])
    return together(together(mixed, b), b)


@handles({"channel_shuffle"}, cuts=True)
def channel_shuffle(context: Context) -> FieldMap:
    """Channels of the groups interleaved."""
    m = context.required()
    groups = context.argument("groups")
    split = divided(m, 1, m.shape[1] // groups)
    order = [0, 2, 1, *range(3, len(split.groups))]
    return together(split.permuted(order), 1)
