"""Operations that join the positions they run over."""

from __future__ import annotations

import numpy as np

from archcheck.fields.algebra.field_map import FieldMap, NotModelledError
from archcheck.fields.algebra.masks import joined, joined_rows, settled
from archcheck.fields.algebra.merge import concatenated, merged
from archcheck.fields.handlers.base import Context, Result, Results, handles, is_tensor
from archcheck.fields.handlers.masking import clamped
from archcheck.network import kinds


@handles(kinds.REDUCTIONS, cuts=True)
def reduction(context: Context) -> Results:
    """All positions of the reduced dimensions are joined."""
    m = context.required()
    dims = context.argument("dim")
    if is_tensor(dims) or is_tensor(context.op.arguments.get("other")):
        # torch.max(a, b) and torch.min(a, b) compare element by element.
        return clamped(context)
    if dims is None and context.op.kind == "matrix_norm":
        dims = [-2, -1]
    if dims is None or dims == [] or not m.groups:
        chosen = list(range(len(m.groups)))
    elif isinstance(dims, int):
        chosen = [m.dimension(dims)]
    elif isinstance(dims, list) and all(isinstance(d, int) for d in dims):
        chosen = [m.dimension(d) for d in dims]
    else:
        raise NotModelledError(f"{context.op.kind} over {dims!r}")
    m = joined(m, chosen, context.op.index)
    if m.cut is not None and context.op.kind not in ("sum", "mean"):
        m = settled(m)
    if not context.argument("keepdim", False):
        for dimension in sorted(chosen, reverse=True):
            m = m.without(dimension)
    return [m] * len(context.op.outputs)


@handles(kinds.SCANS)
def scan(context: Context) -> list[Result]:
    """A running sum reads up to its own position, a sort reads all of them."""
    m = context.required()
    if not m.groups:
        return [m] * len(context.op.outputs)
    first = context.op.kind == "msort"  # it always sorts along the first dimension
    dimension = 0 if first else m.dimension(context.argument("dim", -1))
    size = context.output_shape[dimension]
    if context.op.kind in kinds.RUNNING:
        earlier = np.tril(np.ones((size, size), dtype=bool))
        return [joined_rows(m, dimension, earlier, context.op.index)] * len(context.op.outputs)
    label = m.label(dimension, size)
    whole = m.joined([dimension], context.op.index).grown_as(dimension, label)
    return [whole] * len(context.op.outputs)


@handles(kinds.CELLS)
def cell(context: Context) -> list[Result]:
    """One step: every feature depends on all features of the input and of the last state."""
    parts = [m.joined([len(m.groups) - 1], context.op.index) for m in context.operands]
    shape = context.output_shape
    whole = merged([part.grown(len(shape) - 1, shape[-1]) for part in parts], shape)
    return [whole] * len(context.op.outputs)


@handles(kinds.RECURRENT)
def recurrent(context: Context) -> list[Result]:
    """Every step depends on the first state, itself and those before it, in a bidirectional layer
    on all steps."""
    m = context.required()
    if "batch_sizes" in context.op.arguments and context.shape("batch_sizes") != m.shape[:1]:
        raise NotModelledError("several sequences packed into one")
    batch_first = bool(context.argument("batch_first", False))
    outputs: list[Result] = []
    width = len(m.groups) - 1
    time = 0 if len(m.groups) == 2 or not batch_first else 1
    size = m.shape[time]
    m = m.joined([width], context.op.index)
    whole = m.joined([time], context.op.index)
    states = [_first_state(state, time, context) for state in context.operands[1:]]
    whole = merged([whole, *states], whole.shape)
    for number, output in enumerate(context.op.outputs):
        shape = context.network.shape(output)
        if number > 0:  # the last states: layers in place of time
            last = whole if time == 0 else whole.permuted([1, 0, *range(2, len(m.groups))])
            last = last if len(shape) == len(m.groups) else last.with_new(1)
            outputs.append(last.grown(0, shape[0]).grown(len(shape) - 1, shape[-1]))
        elif context.argument("bidirectional", False):
            full = whole.grown_as(time, m.label(time, shape[time]))
            both = _both_ways(m, full, context, time, shape)
            outputs.append(merged([both, *states], shape) if states else both)
        else:
            earlier = np.tril(np.ones((size, size), dtype=bool))
            steps = joined_rows(m, time, earlier, context.op.index)
            steps = merged([steps, *states], steps.shape) if states else steps
            outputs.append(steps.grown(width, shape[-1]))
    return outputs


def _first_state(m: FieldMap, time: int, context: Context) -> FieldMap:
    """A first state (layers, batch, features) as one step of the input."""
    if m.varies_along(0):
        raise NotModelledError("a recurrent layer whose first states differ from layer to layer")
    m = m.joined([0, len(m.groups) - 1], context.op.index)
    return m if time == 0 or len(m.groups) == 2 else m.permuted([1, 0, 2])


def _both_ways(
    m: FieldMap, whole: FieldMap, context: Context, time: int, shape: tuple[int, ...]
) -> FieldMap:
    """The first half of the features runs forwards, the second backwards; a second layer sees
    both."""
    width = len(shape) - 1
    if context.argument("num_layers", 1) > 1:
        return whole.grown(width, shape[-1])
    size = shape[time]
    halves = []
    for rows in (np.tril, np.triu):
        seen = joined_rows(m, time, rows(np.ones((size, size), dtype=bool)), context.op.index)
        halves.append(seen.grown(width, shape[-1] // 2))
    return concatenated(halves, width)
