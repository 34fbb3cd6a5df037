"""Products and distances of whole vectors: bilinear forms, outer products, similarities."""

from __future__ import annotations

from string import ascii_letters

from archcheck.fields.algebra import masks
from archcheck.fields.algebra.field_map import FieldMap, NotModelledError
from archcheck.fields.algebra.merge import merged
from archcheck.fields.handlers.base import Context, handles
from archcheck.fields.handlers.products import contracted


def _joined(context: Context, terms: list[tuple[str, str]], result: str) -> FieldMap:
    """An einsum over arguments, given by their names and letters."""
    maps = [(letters, context.map(name)) for name, letters in terms]
    parts = contracted([(t, m) for t, m in maps if m is not None], result, context.op.index)
    return merged([masks.settled(part) for part in parts], context.output_shape)


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
    return _joined(context, terms, batch + "XY")


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
