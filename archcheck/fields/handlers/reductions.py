"""Operations that join the positions they run over."""

from __future__ import annotations

from archcheck.fields.fieldmap import Unfollowed
from archcheck.fields.handlers.base import Context, Result, Results, handles, is_tensor
from archcheck.fields.handlers.masking import clamped
from archcheck.fields.masks import joined, settled
from archcheck.network import kinds


@handles(kinds.REDUCTIONS, cuts=True)
def reduction(context: Context) -> Results:
    """All positions of the reduced dimensions are joined."""
    m = context.required()
    dims = context.argument("dim")
    if is_tensor(dims) or is_tensor(context.op.arguments.get("other")):
        # torch.max(a, b) and torch.min(a, b) compare element by element.
        return clamped(context)
    if dims is None or dims == []:
        chosen = list(range(len(m.groups)))
    elif isinstance(dims, int):
        chosen = [m.dimension(dims)]
    elif isinstance(dims, list) and all(isinstance(d, int) for d in dims):
        chosen = [m.dimension(d) for d in dims]
    else:
        raise Unfollowed(f"{context.op.kind} over {dims!r}")
    m = joined(m, chosen, context.op.index)
    if m.cut is not None and context.op.kind not in ("sum", "mean"):
        m = settled(m)
    if not context.argument("keepdim", False):
        for dimension in sorted(chosen, reverse=True):
            m = m.without(dimension)
    return [m] * len(context.op.outputs)


@handles(kinds.SCANS)
def scan(context: Context) -> list[Result]:
    """A running sum reaches from the first position to its own, a sorted one anywhere: joined."""
    m = context.required()
    dimension = m.dimension(context.argument("dim", -1))
    size, spatial = context.output_shape[dimension], dimension in m.spatial_dimensions()
    whole = m.joined([dimension], context.op.index).grown(dimension, size, spatial=spatial)
    return [whole] * len(context.op.outputs)


@handles(kinds.RECURRENT)
def recurrent(context: Context) -> list[Result]:
    """Every step depends on the whole sequence (of a batch, one at a time)."""
    m = context.required()
    batch_first = bool(context.argument("batch_first", False))
    outputs: list[Result] = []
    time = 0 if len(m.groups) == 2 or not batch_first else 1
    whole = m.joined([time, len(m.groups) - 1], context.op.index)
    spatial = time in m.spatial_dimensions()
    for number, output in enumerate(context.op.outputs):
        shape = context.network.shape(output)
        if number == 0:
            full = whole.grown(time, shape[time], spatial=spatial)
            outputs.append(full.grown(len(m.groups) - 1, shape[-1]))
        else:  # the last states: layers in place of time
            last = whole if time == 0 else whole.permuted([1, 0, *range(2, len(m.groups))])
            outputs.append(last.grown(0, shape[0]).grown(len(shape) - 1, shape[-1]))
    return outputs
