"""Operations that move values without changing them: fields move along, exactly."""

from __future__ import annotations

from math import prod

from archcheck.fields.fieldmap import FieldMap, Unfollowed
from archcheck.fields.gather import Gather, pick
from archcheck.fields.handlers.base import Context, Result, handles, integers, is_tensor
from archcheck.fields.reshape import divided, reshaped, together


@handles({"view", "reshape", "flatten", "unflatten", "reshape_as", "view_as"}, cuts=True)
def reshape(context: Context) -> FieldMap:
    """Another shape of as many elements."""
    m = context.required()
    if prod(m.shape) != prod(context.output_shape):
        raise Unfollowed("a view of another element type")
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
        if m.shape[dimension] == 1 and size > 1:
            m = m.grown(dimension, size)
    return m


@handles({"chunk", "split", "tensor_split", "unbind"}, cuts=True)
def split(context: Context) -> list[Result]:
    """Consecutive stretches of one dimension."""
    m = context.required()
    dimension = m.dimension(context.argument("dim", 0))
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
    """One stretch of a dimension."""
    m = context.required()
    start, length = context.argument("start"), context.argument("length")
    if not isinstance(start, int) or not isinstance(length, int):
        raise Unfollowed("narrow from a position that a tensor gives")
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


@handles({"getitem"}, cuts=True)
def getitem(context: Context) -> FieldMap:
    """Indexing by whole numbers, slices, None and Ellipsis."""
    m = context.required()
    index = context.op.arguments.get("index")
    items = index if isinstance(index, list) else [index]
    if any(is_tensor(item) or isinstance(item, bool) for item in items):
        raise Unfollowed("indexing by a tensor")
    lists = [item for item in items if isinstance(item, list)]
    if len(lists) > 1 or (lists and any(isinstance(item, int) for item in items)):
        raise Unfollowed("indexing by several lists")
    taken = sum(i is not None and not (isinstance(i, dict) and "ellipsis" in i) for i in items)
    dimension = 0
    for item in items:
        if item is None:
            m = m.with_new(dimension)
            dimension += 1
        elif isinstance(item, int):
            m = _selected(m, dimension, item)
        elif isinstance(item, list):
            m = _picked(m, dimension, item)
            dimension += 1
        elif isinstance(item, dict) and "ellipsis" in item:
            dimension += len(context.shape()) - taken
        elif isinstance(item, dict) and "slice" in item:
            size = m.shape[dimension]
            if any(not isinstance(part, (int, type(None))) for part in item["slice"]):
                raise Unfollowed("a slice from a position that a tensor gives")
            start, stop, step = slice(*item["slice"]).indices(size)
            length = len(range(start, stop, step))
            if (start, step, length) != (0, 1, size):
                m = m.gathered(dimension, pick(start, step), length)
            dimension += 1
        else:
            raise Unfollowed(f"indexing by {item!r}")
    return m


def _picked(m: FieldMap, dimension: int, indices: list[object]) -> FieldMap:
    size = m.shape[dimension]
    whole = [index % size for index in indices if type(index) is int]
    if not whole or len(whole) != len(indices):
        raise Unfollowed("indexing by a list that is not of whole numbers")
    m = m.single(dimension)
    if m.groups[dimension]:
        m = m.pinned(m.span(dimension).start)
    read = Gather(len(whole), 1, tuple((index,) for index in whole))
    return m.gathered(dimension, read, len(whole))


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


@handles({"roll"}, cuts=True)
def roll(context: Context) -> FieldMap:
    """Positions moved round; on an image that goes on for ever, moved along."""
    m = context.required()
    shifts, dims = context.argument("shifts"), context.argument("dims")
    if dims in (None, []):
        raise Unfollowed("roll over all dimensions at once")
    dims = [dims] if isinstance(dims, int) else dims
    for shift, d in zip(integers(shifts, len(dims)), dims, strict=True):
        dimension = m.dimension(d)
        size = m.shape[dimension]
        m = m.gathered(dimension, Gather(1, 1, ((-shift,),), "wrap"), size)
    return m


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
            m = m.grown(dimension, size)
        elif old != size:
            m = m.single(dimension)
            m = m.pinned(m.span(dimension).start)
            m = m.gathered(dimension, Gather(1, 1, ((0,),), "wrap"), size)
    return m


@handles({"repeat_interleave"}, cuts=True)
def repeat_interleave(context: Context) -> FieldMap:
    """Every index of a dimension several times in a row."""
    m = context.required()
    repeats, dim = context.argument("repeats"), context.argument("dim")
    if not isinstance(repeats, int) or not isinstance(dim, int):
        raise Unfollowed("repeat_interleave by a tensor or over all elements")
    dimension = m.dimension(dim)
    read = Gather(repeats, 1, ((0,),) * repeats)
    return m.gathered(dimension, read, m.shape[dimension] * repeats)


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
