"""Windows written out as dimensions of their own, and added up again."""

from __future__ import annotations

from msgspec.structs import replace

from archcheck.fields.algebra.axis_map import AxisMap, pick
from archcheck.fields.algebra.field_map import FieldMap
from archcheck.fields.algebra.merge import concatenated, merged
from archcheck.fields.algebra.reshape import divided, together
from archcheck.fields.handlers.base import Context, handles, integers


def windows(
    m: FieldMap, dimension: int, kernel: int, stride: int, dilation: int, before: int, count: int
) -> FieldMap:
    """Sliding windows of a dimension: ``count`` positions, and the taps as a new last dimension."""
    last = len(m.groups)
    if count == 1 and dilation == 1 and kernel - before >= m.shape[dimension] > 1:
        # A single window that holds the whole axis is that axis.
        m = m.gathered(dimension, pick(-before), kernel)
        return m.permuted([*(d for d in range(last) if d != dimension), dimension]).with_new(
            dimension
        )
    taps = [
        m.gathered(dimension, pick(tap * dilation - before, stride), count).with_new(last)
        for tap in range(kernel)
    ]
    m = concatenated(taps, last)
    span = m.span(last)
    places = [replace(factor, part="inner") for factor in m.factors[span]]
    return replace(m, factors=(*m.factors[: span.start], *places, *m.factors[span.stop :]))


@handles({"tensor_unfold"})
def tensor_unfold(context: Context) -> FieldMap:
    """``Tensor.unfold``: the windows of one dimension as a new last dimension."""
    m = context.required()
    dimension = m.dimension(context.argument("dimension"))
    size, step = context.argument("size"), context.argument("step")
    return windows(m, dimension, size, step, 1, 0, context.output_shape[dimension])


def _geometry(context: Context) -> list[tuple[int, int, int, int]]:
    names = ("kernel_size", "stride", "dilation", "padding")
    defaults = (1, 1, 1, 0)
    columns = [
        integers(context.argument(name, default), 2)
        for name, default in zip(names, defaults, strict=True)
    ]
    return list(zip(*columns, strict=True))


def _counts(sides: tuple[int, int], geometry: list[tuple[int, int, int, int]]) -> list[int]:
    return [
        (side + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
        for side, (kernel, stride, dilation, padding) in zip(sides, geometry, strict=True)
    ]


@handles({"unfold"})
def unfold(context: Context) -> FieldMap:
    """``F.unfold``: N×C×H×W to N×(C·kh·kw)×(rows·columns)."""
    m = context.required()
    geometry = _geometry(context)
    counts = _counts((m.shape[-2], m.shape[-1]), geometry)
    for axis, (kernel, stride, dilation, padding) in enumerate(geometry):
        m = windows(m, 2 + axis, kernel, stride, dilation, padding, counts[axis])
    m = m.permuted([0, 1, 4, 5, 2, 3])  # N, C, kh, kw, rows, columns
    return together(together(together(m, 4), 1), 1)


@handles({"fold"})
def fold(context: Context) -> FieldMap:
    """``F.fold``: every position is the sum of the windows that cover it."""
    taps = fold_taps(context)
    return merged(taps, taps[0].shape)


def fold_taps(context: Context) -> list[FieldMap]:
    """What each tap of the windows contributes to every position: one map for each tap.

    Which window a position reads depends on the tap, so the set that it reads is a product of
    sets on the axes only for each tap alone.
    """
    m = context.required()
    geometry = _geometry(context)
    sides = integers(context.argument("output_size"), 2)
    columns = _counts((sides[0], sides[1]), geometry)[1]
    m = divided(m, 2, columns)  # N, C·kh·kw, rows, columns
    m = divided(m, 1, geometry[1][0])
    m = divided(m, 1, geometry[0][0]).permuted([0, 1, 4, 5, 2, 3])
    # N, C, rows, columns, kh, kw: from the last axis to the first each tap finds its place.
    maps = [m]
    for axis in (1, 0):
        kernel, stride, dilation, padding = geometry[axis]
        last = 4 + axis
        parts = []
        for one in maps:
            if one.shape[2 + axis] == 1 and last in one.spatial_dimensions():
                parts.append(_whole_axis(one, 2 + axis, last, padding, sides[axis]))
                continue
            for tap in range(kernel):
                picked = one.gathered(last, pick(tap), 1).without(last)
                placed = _spread(stride, padding - tap * dilation)
                parts.append(picked.gathered(2 + axis, placed, sides[axis]))
        maps = parts
    return maps


def _whole_axis(m: FieldMap, dimension: int, taps: int, padding: int, side: int) -> FieldMap:
    """A dimension from the taps of its only window, which hold all of it."""
    m = m.without(dimension).gathered(taps - 1, pick(padding), side)
    order = [d for d in range(len(m.groups)) if d != taps - 1]
    order.insert(dimension, taps - 1)
    return m.permuted(order)


def _spread(stride: int, offset: int) -> AxisMap:
    """Output o reads input i where ``o = i * stride - offset``; other outputs read none."""
    phases = []
    for phase in range(stride):
        at, rest = divmod(phase + offset, stride)
        phases.append(() if rest else (at,))
    return AxisMap(stride, 1, tuple(phases))
