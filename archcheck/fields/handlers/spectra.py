"""Fourier transforms: every coefficient depends on all positions of the axes transformed."""

from __future__ import annotations

from archcheck.fields.algebra.axis_map import AxisMap
from archcheck.fields.algebra.field_map import FieldMap
from archcheck.fields.handlers.base import Context, handles
from archcheck.network import kinds


@handles(kinds.SPECTRA)
def transform(context: Context) -> FieldMap:
    """Joins over the transformed axes, which get the lengths of the result."""
    m = context.required()
    kind = context.op.kind
    dims = context.argument("dim")
    if dims is None:
        dims = [-1]
        if kind.endswith("2"):
            dims = [-2, -1]
        elif kind.endswith("n"):
            sizes = context.argument("s")
            count = len(sizes) if sizes is not None else len(m.groups)
            dims = list(range(-count, 0))
    dims = [dims] if isinstance(dims, int) else dims
    chosen = [m.dimension(d) for d in dims]
    spatial = m.spatial_dimensions()
    m = m.joined(chosen, context.op.index)
    for d in chosen:
        m = m.grown(d, context.output_shape[d], spatial=d in spatial)
    return m


@handles({"fftshift", "ifftshift"})
def shift(context: Context) -> FieldMap:
    """Rolls by half the length along some axes, all by default."""
    m = context.required()
    dims = context.argument("dim")
    dims = range(len(m.groups)) if dims is None else [dims] if isinstance(dims, int) else dims
    for d in dims:
        dimension = m.dimension(d)
        size = m.shape[dimension]
        by = size // 2 if context.op.kind == "fftshift" else -(size // 2)
        m = m.gathered(dimension, AxisMap(1, 1, ((-by,),), "wrap"), size)
    return m


@handles({"view_as_complex"})
def view_as_complex(context: Context) -> FieldMap:
    """Pairs in the last dimension as one number."""
    m = context.required()
    last = len(m.groups) - 1
    return m.joined([last], context.op.index).without(last)


@handles({"view_as_real"})
def view_as_real(context: Context) -> FieldMap:
    """Complex numbers as pairs in a new last dimension."""
    m = context.required()
    last = len(m.groups)
    return m.with_new(last).grown(last, 2)
