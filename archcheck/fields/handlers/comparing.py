"""Products and distances of whole vectors: bilinear forms, outer products, similarities; and
products of several matrices."""

from __future__ import annotations

from string import ascii_letters

from archcheck.fields.algebra import masks
from archcheck.fields.algebra.field_map import FieldMap, NotModelledError
from archcheck.fields.algebra.merge import merged
from archcheck.fields.algebra.reshape import reshaped
from archcheck.fields.handlers.base import Context, handles
from archcheck.fields.handlers.products import contracted, product_of


def _joined(context: Context, terms: list[tuple[str, str]], result: str) -> FieldMap:
    """An einsum over arguments, given by their names and letters."""
    arguments = context.op.arguments
    return _product(context, [(arguments[name]["tensor"], t) for name, t in terms], result)


def _product(context: Context, terms: list[tuple[int, str]], result: str) -> FieldMap:
    operands = [(letters, {"tensor": tensor}) for tensor, letters in terms]
    return masks.settled(product_of(operands, result, context))


@handles({"tensordot"})
def tensordot(context: Context) -> FieldMap:
    """A sum over pairs of dimensions."""
    left, right = len(context.shape("input")), len(context.shape("other"))
    dims = context.argument("dims", 2)
    if isinstance(dims, int):
        pairs = [(left - dims + i, i) for i in range(dims)]
    elif isinstance(dims, list) and len(dims) == 2 and all(isinstance(d, list) for d in dims):
        pairs = [(a % left, b % right) for a, b in zip(*dims, strict=True)]
    else:
        raise NotModelledError(f"tensordot over {dims!r}")
    first, second = list(ascii_letters[:left]), list(ascii_letters[left : left + right])
    for a, b in pairs:
        second[b] = first[a]
    kept = [c for c in first if c not in second] + [c for c in second if c not in first]
    terms = [("input", "".join(first)), ("other", "".join(second))]
    return _joined(context, terms, "".join(kept))


@handles({"outer"})
def outer(context: Context) -> FieldMap:
    """Every pair of two vectors."""
    return _joined(context, [("input", "a"), ("vec2", "b")], "ab")


@handles({"addr"})
def added_outer(context: Context) -> FieldMap:
    """Every pair of two vectors, and a matrix."""
    pairs = _joined(context, [("vec1", "a"), ("vec2", "b")], "ab")
    added = context.map()
    return pairs if added is None else merged([pairs, added], context.output_shape)


@handles({"inner"})
def inner(context: Context) -> FieldMap:
    """Every vector of one tensor with every vector of another."""
    left, right = (len(context.shape(name)) for name in ("input", "other"))
    if not left or not right:
        return merged(context.operands, context.output_shape)
    first, second = ascii_letters[: left - 1], ascii_letters[left - 1 : left + right - 2]
    terms = [("input", first + "Z"), ("other", second + "Z")]
    return _joined(context, terms, first + second)


@handles({"vecdot"})
def vecdot(context: Context) -> FieldMap:
    """The vectors of two tensors, position by position."""
    m = merged(context.operands, _broadcast(context))
    dimension = m.dimension(context.argument("dim", -1))
    return m.joined([dimension], context.op.index).without(dimension)


@handles({"addbmm"})
def summed_batch(context: Context) -> FieldMap:
    """Products of matrices, summed, and a matrix."""
    products = _joined(context, [("batch1", "bij"), ("batch2", "bjk")], "ik")
    added = context.map()
    return products if added is None else merged([products, added], context.output_shape)


@handles({"multi_dot"})
def chain(context: Context) -> FieldMap:
    """A product of matrices, the first of which may be a row and the last a column."""
    tensors = [item["tensor"] for item in context.argument("tensors", [])]
    ends = [len(context.network.shape(tensors[end])) > 1 for end in (0, -1)]
    letters = [ascii_letters[i : i + 2] for i in range(len(tensors))]
    result = letters[0][0] * ends[0] + letters[-1][1] * ends[1]
    letters[0] = letters[0] if ends[0] else letters[0][1]
    letters[-1] = letters[-1] if ends[1] else letters[-1][0]
    return _product(context, list(zip(tensors, letters, strict=True)), result)


@handles({"matrix_power"})
def matrix_power(context: Context) -> FieldMap:
    """A product of a matrix with itself; its inverse depends on all of it."""
    m, exponent = context.required(), context.argument("n")
    rank = len(m.groups)
    if exponent < 0:
        return m.mixed(rank - 1, m.shape[-1], context.op.index).mixed(
            rank - 2, m.shape[-2], context.op.index
        )
    if exponent < 2:
        return m if exponent else m.emptied()
    batch = ascii_letters[26 : 26 + rank - 2]
    letters = [batch + ascii_letters[i : i + 2] for i in range(min(exponent, 3))]
    tensor = context.op.inputs[0]
    return _product(context, [(tensor, term) for term in letters], batch + "a" + letters[-1][-1])


@handles({"kron"})
def kron(context: Context) -> FieldMap:
    """Every pair of elements: blocks of the second tensor, one for each element of the first."""
    left, right = context.shape("input"), context.shape("other")
    rank = max(len(left), len(right))
    pairs = [(1,) * (rank - len(side)) + side for side in (left, right)]
    parts = []
    for place, name in enumerate(("input", "other")):
        m = context.map(name)
        if m is None:
            continue
        while len(m.groups) < rank:
            m = m.with_new(0)
        for dimension in range(rank):
            m = m.with_new(2 * dimension + (1 - place))
        parts.append(m)
    interleaved = tuple(side for sides in zip(*pairs, strict=True) for side in sides)
    return reshaped(merged(parts, interleaved), context.output_shape)


@handles({"bilinear"})
def bilinear(context: Context) -> FieldMap:
    """Every output feature depends on all features of both inputs at its position."""
    if context.map("weight") is not None:
        raise NotModelledError("a bilinear layer whose weight depends on the input")
    last = len(context.output_shape) - 1
    parts = []
    for name in ("input1", "input2"):
        m = context.map(name)
        if m is not None:
            joined = m.joined([last], context.op.index)
            spatial = last in m.spatial_dimensions()
            parts.append(joined.grown(last, context.output_shape[-1], spatial=spatial))
    return merged(parts, context.output_shape)


@handles({"cdist"})
def cdist(context: Context) -> FieldMap:
    """Distances between all rows of one matrix and all of another."""
    batch = ascii_letters[: len(context.output_shape) - 2]
    first, second = (len(context.shape(name)) - 2 for name in ("x1", "x2"))
    terms = [
        ("x1", batch[len(batch) - first :] + "XZ"),
        ("x2", batch[len(batch) - second :] + "YZ"),
    ]
    maps = [(letters, context.map(name)) for name, letters in terms]
    known = [(letters, m) for letters, m in maps if m is not None]
    return merged(contracted(known, batch + "XY", context.op.index), context.output_shape)


@handles({"cosine_similarity", "pairwise_distance"})
def similarity(context: Context) -> FieldMap:
    """Compares vectors along one dimension, position by position."""
    m = merged(context.operands, _broadcast(context))
    dimension = m.dimension(context.argument("dim", 1) if context.op.kind[0] == "c" else -1)
    m = m.joined([dimension], context.op.index)
    return m if context.argument("keepdim", False) else m.without(dimension)


def _broadcast(context: Context) -> tuple[int, ...]:
    shapes = [context.network.shape(tensor) for tensor in context.op.inputs]
    rank = max(map(len, shapes))
    padded = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    return tuple(max(sides) for sides in zip(*padded, strict=True))


@handles({"cross"})
def cross(context: Context) -> FieldMap:
    """Vectors of three along one dimension: each component depends on the others."""
    m = merged(context.operands, context.output_shape)
    dimension = m.dimension(context.argument("dim", -1))
    spatial = dimension in m.spatial_dimensions()
    return m.joined([dimension], context.op.index).grown(dimension, 3, spatial=spatial)
