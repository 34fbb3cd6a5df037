"""Sampling by grids, by the indices of a max pool, or at random."""

from __future__ import annotations

from itertools import product
from math import floor

import numpy as np
import numpy.typing as npt

from archcheck.fields.algebra.axis_map import AxisMap, transposed_window
from archcheck.fields.algebra.field_map import FieldMap, NotModelledError
from archcheck.fields.algebra.indices import MOST_UNITS, alike_labelled, fused, spread
from archcheck.fields.algebra.merge import merged
from archcheck.fields.handlers.base import Context, handles, integers
from archcheck.network import kinds
from archcheck.network.constants import NUMBERS

NEGLIGIBLE_COEFFICIENT = 1e-4
"""The largest coefficient of a sampled position that counts as a rounded zero."""


@handles({"affine_grid"})
def affine_grid(context: Context) -> FieldMap:
    """Every point of the grid depends on the whole transformation."""
    m = context.required("theta")
    m = m.joined(list(range(1, len(m.groups))), context.op.index)
    while len(m.groups) < len(context.output_shape):
        m = m.with_new(1)
    for dimension, size in enumerate(context.output_shape):
        m = m.grown(dimension, size, spatial=0 < dimension < len(m.groups) - 1)
    return m


@handles({"grid_sample"})
def grid_sample(context: Context) -> FieldMap:
    """A constant grid fixes the positions that are read; one made from the input may read any."""
    shape = context.output_shape
    axes = range(2, len(shape))
    m, grid = context.map(), context.map("grid")
    parts = []
    if grid is not None:
        placed = grid.joined([len(grid.groups) - 1], context.op.index)
        parts.append(placed.without(len(grid.groups) - 1).with_new(1))
        if m is not None:
            m = m.joined(list(axes), context.op.index)
            for axis in axes:
                m = m.grown(axis, shape[axis], spatial=True)
            parts.append(m)
        return merged(parts, shape)
    constant_grid = context.network.constant(context.op.arguments["grid"]["tensor"], NUMBERS)
    if m is None or constant_grid is None:
        raise NotModelledError("a grid whose values are not known")
    return _sampled(m, constant_grid.values, context)


def _sampled(m: FieldMap, grid: npt.NDArray[np.float64], context: Context) -> FieldMap:
    sides, shape = m.shape[2:], context.output_shape
    if any(not np.array_equal(sample, grid[0]) for sample in grid[1:]):
        raise NotModelledError("grids that differ from sample to sample")
    places = grid[0].reshape(-1, len(sides))[:, ::-1]  # the last axis comes first in a grid
    if len(places) > MOST_UNITS or np.prod(sides) > MOST_UNITS:
        raise NotModelledError("a grid of too many places")
    taps = []
    for place in places.tolist():
        axes = [_taps(at, side, context) for at, side in zip(place, sides, strict=True)]
        at = [np.ravel_multi_index(tap, sides) for tap in product(*axes)]
        taps.append(tuple(sorted({int(index) for index in at})))
    flat = fused(m, 2, len(sides)).single(2)
    if flat.groups[2]:
        flat = flat.pinned(flat.span(2).start)
    flat = flat.gathered(2, AxisMap(len(taps), 1, tuple(taps)), len(taps))
    return alike_labelled(spread(flat, 2, shape[2:]), m)


def _taps(place: float, size: int, context: Context) -> list[int]:
    """The positions along one axis that a point in [-1, 1] reads."""
    corners = bool(context.argument("align_corners", False))
    at = (place + 1) / 2 * (size - 1) if corners else ((place + 1) * size - 1) / 2
    mode = context.argument("mode", "bilinear")
    padding = context.argument("padding_mode", "zeros")
    if padding == "border":
        at = min(max(at, 0), size - 1)
    elif padding == "reflection":
        at = _reflected(at, size, corners)
    elif padding != "zeros":
        raise NotModelledError(f"a grid padded by {padding!r}")
    near = round(at)
    if mode == "nearest":
        if abs(at - floor(at) - 0.5) < NEGLIGIBLE_COEFFICIENT:
            raise NotModelledError("a grid whose places lie half between two positions")
        taps = [near]
    elif abs(at - near) < NEGLIGIBLE_COEFFICIENT:
        taps = [near]
    elif mode == "bilinear":
        taps = [floor(at), floor(at) + 1]
    elif mode == "bicubic":
        taps = list(range(floor(at) - 1, floor(at) + 3))
        if padding != "zeros":
            raise NotModelledError("a bicubic grid with padding")
    else:
        raise NotModelledError(f"a grid read by {mode!r}")
    return [tap for tap in taps if 0 <= tap < size]


def _reflected(at: float, size: int, corners: bool) -> float:
    if size == 1:
        return 0.0
    low, span = (0.0, float(size - 1)) if corners else (-0.5, float(size))
    away = abs(at - low) % (2 * span)
    folded = low + (away if away <= span else 2 * span - away)
    return min(max(folded, 0), size - 1)


@handles(kinds.UNPOOLS)
def max_unpool(context: Context) -> FieldMap:
    """Every position may hold the maximum of any window over it: the pool's indices decide."""
    n = int(context.op.kind[-2])
    indices = context.op.arguments["indices"]["tensor"]
    source = context.network.producer(indices)
    if source is None or source.kind not in kinds.FIXED_MAX_POOLS or indices not in source.outputs:
        raise NotModelledError("max_unpool by indices that come from no max pool")
    kernel = integers(source.arguments["kernel_size"], n)
    stride = integers(source.arguments.get("stride") or kernel, n)
    padding = integers(source.arguments.get("padding") or 0, n)
    dilation = integers(source.arguments.get("dilation") or 1, n)
    pooled = context.network.shape(source.inputs[0])[-n:]
    shape = context.output_shape
    if pooled != shape[-n:]:
        raise NotModelledError("max_unpool to another size than the pool's")
    m = merged(context.operands, context.shape())
    for axis, sides in enumerate(zip(kernel, stride, dilation, padding, strict=True)):
        dimension = len(shape) - n + axis
        k, s, d, p = sides
        m = m.gathered(dimension, transposed_window(k, s, d, p), shape[dimension])
    return m


@handles(kinds.FRACTIONAL_POOLS)
def fractional_pool(context: Context) -> FieldMap:
    """Not modelled: its windows are drawn anew in every pass."""
    raise NotModelledError("a fractional max pool, whose windows are drawn at random,")
