"""Operations that keep positions where they are, and those that stack tensors."""

from __future__ import annotations

from archcheck.fields.algebra.axis_map import pick, window
from archcheck.fields.algebra.field_map import FieldMap, NotModelledError
from archcheck.fields.algebra.merge import concatenated, merged
from archcheck.fields.algebra.reshape import divided, together
from archcheck.fields.handlers.base import Context, handles
from archcheck.fields.handlers.framing import concatenated_with_frame
from archcheck.fields.handlers.writing import constant_map
from archcheck.network import Network, kinds

_WITH_MASKS = frozenset(
    "relu add sub mul div addcmul lerp masked_fill where clamp clamp_min maximum".split()
)
"""Their handlers take closed units into account (:mod:`archcheck.fields.handlers.masking`)."""


@handles(kinds.ELEMENTWISE - _WITH_MASKS)
def pointwise(context: Context) -> FieldMap:
    """The union over the operands, broadcast."""
    return merged(context.operands, context.output_shape)


@handles({"glu"})
def gated(context: Context) -> FieldMap:
    """One half times the sigmoid of the other."""
    m = context.required()
    dimension = m.dimension(context.argument("dim", -1))
    half = m.shape[dimension] // 2
    parts = [m.gathered(dimension, pick(start), half) for start in (0, half)]
    return merged(parts, context.output_shape)


@handles({"batch_norm"})
def batch_norm(context: Context) -> FieldMap:
    """Pointwise with its running statistics; in training too, by convention of the papers."""
    return context.required()


@handles({"instance_norm", "group_norm"})
def spatial_norm(context: Context) -> FieldMap:
    """Pointwise by default; in a strict reading it joins all positions it averages over."""
    m = context.required()
    if not context.reading.normalization_joins:
        return m
    groups = context.argument("num_groups", m.shape[1] if len(m.shape) > 1 else 1)
    shape = m.shape
    if groups > 1:
        m = divided(m, 1, shape[1] // groups)
        joined = _joined_in_place(m, list(range(2, len(m.groups))), context)
        return together(joined, 1)
    return _joined_in_place(m, list(range(1, len(shape))), context)


@handles({"layer_norm", "rms_norm"})
def layer_norm(context: Context) -> FieldMap:
    """Pointwise by default; in a strict reading it joins the last dimensions."""
    m = context.required()
    if not context.reading.normalization_joins:
        return m
    last = len(context.argument("normalized_shape", []))
    return _joined_in_place(m, list(range(len(m.groups) - last, len(m.groups))), context)


def _joined_in_place(m: FieldMap, dimensions: list[int], context: Context) -> FieldMap:
    shape = m.shape
    joined = m.joined(dimensions, context.op.index)
    for dimension in dimensions:
        joined = joined.grown_as(dimension, m.label(dimension, shape[dimension]))
    return merged([m, joined], shape)


@handles({"normalize"})
def normalize(context: Context) -> FieldMap:
    """Divides by a norm over some dimensions: joins along them."""
    m = context.required()
    dims = context.argument("dim", 1)
    dims = [dims] if isinstance(dims, int) else dims
    return _joined_in_place(m, [m.dimension(d) for d in dims], context)


@handles({"local_response_norm"})
def local_response_norm(context: Context) -> FieldMap:
    """Joins neighbouring channels; positions stay where they are."""
    m = context.required()
    size = context.argument("size", context.argument("argument1"))
    if not isinstance(size, int):
        raise NotModelledError("local_response_norm of unknown size")
    return merged([m, m.gathered(1, window(size, 1, 1, size // 2), m.shape[1])], m.shape)


@handles({"cat"})
def concatenate(context: Context) -> FieldMap:
    """Tensors concatenated along a dimension."""
    return _stacked(context, new=False)


@handles({"stack"})
def stack(context: Context) -> FieldMap:
    """Tensors stacked along a new dimension."""
    return _stacked(context, new=True)


@handles({"hstack", "vstack", "dstack", "column_stack"})
def stack_by_name(context: Context) -> FieldMap:
    """Tensors side by side, with dimensions added first where they have too few."""
    kind, rank = context.op.kind, len(context.output_shape)
    dimension = {"vstack": 0, "dstack": 2}.get(kind, 0 if rank == 1 else 1)
    maps = []
    like = context.operands[0]
    for item in context.argument("tensors", []):
        m = context.maps.get(item["tensor"])
        m = constant_map(like, context.network.shape(item["tensor"])) if m is None else m
        maps.append(_raised(m, kind))
    return concatenated(maps, dimension)


def _raised(m: FieldMap, kind: str) -> FieldMap:
    """A map with the dimensions that a stacking function adds to a tensor of too few."""
    if kind == "column_stack":
        while len(m.groups) < 2:
            m = m.with_new(len(m.groups))
        return m
    if not m.groups:
        m = m.with_new(0)
    if kind != "hstack" and len(m.groups) == 1:
        m = m.with_new(0)
    return m.with_new(2) if kind == "dstack" and len(m.groups) == 2 else m


def _stacked(context: Context, *, new: bool) -> FieldMap:
    tensors = [item["tensor"] for item in context.argument("tensors", [])]
    if not new:
        tensors = joining(context.network, tensors)
    rank = len(context.output_shape)
    dimension = context.argument("dim", 0) % rank
    like = next((m for m in map(context.maps.get, tensors) if m is not None), None)
    if like is None:  # what depends on the input is empty
        return constant_map(context.operands[0], context.output_shape)
    framed = None if new else concatenated_with_frame(context, tensors, dimension)
    if framed is not None:
        return framed
    maps = []
    for tensor in tensors:
        m = context.maps.get(tensor)
        if m is None:  # a constant part has an empty field, wherever it lies
            m = like.emptied()
            if not new:
                m = m.joined([dimension], -1)
                m = m.grown(dimension, context.network.shape(tensor)[dimension])
        maps.append(m.with_new(dimension) if new else m)
    return concatenated(maps, dimension)


def joining(network: Network, tensors: list[int]) -> list[int]:
    """The tensors that a concatenation puts together: ``torch.tensor([])`` goes with any rank."""
    ranks = {tensor: len(network.shape(tensor)) for tensor in tensors}
    most = max(ranks.values(), default=0)
    return [t for t in tensors if ranks[t] == most or network.shape(t) != (0,)]
