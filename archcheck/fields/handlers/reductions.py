"""Operations that join the positions they run over."""

from __future__ import annotations

from archcheck.fields.fieldmap import FieldMap, Unfollowed
from archcheck.fields.handlers.base import Context, handles, is_tensor
from archcheck.fields.merge import merged
from archcheck.network import kinds


@handles(kinds.REDUCTIONS)
def reduction(context: Context) -> list[FieldMap | None]:
    """All positions of the reduced dimensions are joined."""
    m = context.required()
    dims = context.argument("dim")
    if is_tensor(dims) or is_tensor(context.op.arguments.get("other")):
        # torch.max(a, b) and torch.min(a, b) compare element by element.
        return [merged(context.operands, context.output_shape)]
    if dims is None or dims == []:
        chosen = list(range(len(m.groups)))
    elif isinstance(dims, int):
        chosen = [m.dimension(dims)]
    elif isinstance(dims, list) and all(isinstance(d, int) for d in dims):
        chosen = [m.dimension(d) for d in dims]
    else:
        raise Unfollowed(f"{context.op.kind} over {dims!r}")
    m = m.joined(chosen, context.op.index)
    if not context.argument("keepdim", False):
        for dimension in sorted(chosen, reverse=True):
            m = m.without(dimension)
    return [m] * len(context.op.outputs)


@handles(kinds.SCANS)
def scan(context: Context) -> list[FieldMap | None]:
    """A running sum reaches from the first position to its own, a sorted one anywhere: joined."""
    m = context.required()
    dimension = m.dimension(context.argument("dim", -1))
    size, spatial = context.output_shape[dimension], dimension in m.spatial_dimensions()
    joined = m.joined([dimension], context.op.index).grown(dimension, size, spatial=spatial)
    return [joined] * len(context.op.outputs)


@handles(kinds.RECURRENT)
def recurrent(context: Context) -> list[FieldMap | None]:
    """Every step depends on the whole sequence (of a batch, one at a time)."""
    m = context.required()
    batch_first = bool(context.argument("batch_first", False))
    outputs: list[FieldMap | None] = []
    time = 0 if len(m.groups) == 2 or not batch_first else 1
    joined = m.joined([time, len(m.groups) - 1], context.op.index)
    spatial = time in m.spatial_dimensions()
    for number, output in enumerate(context.op.outputs):
        shape = context.network.shape(output)
        if number == 0:
            full = joined.grown(time, shape[time], spatial=spatial)
            outputs.append(full.grown(len(m.groups) - 1, shape[-1]))
        else:  # the last states: layers in place of time
            last = joined if time == 0 else joined.permuted([1, 0, *range(2, len(m.groups))])
            outputs.append(last.grown(0, shape[0]).grown(len(shape) - 1, shape[-1]))
    return outputs
