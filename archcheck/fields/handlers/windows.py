"""Convolutions, pools, padding and resampling: everything that slides along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from archcheck.fields import gather as g
from archcheck.fields.fieldmap import FieldMap, Unfollowed
from archcheck.fields.handlers.base import Context, Result, handles, integers
from archcheck.fields.reshape import divided, together
from archcheck.network import kinds
from archcheck.network.attributes import attributes


def _spatial_rank(context: Context) -> int:
    return int(context.op.kind.replace("_with_indices", "")[-2])


def _mix_channels(m: FieldMap, context: Context, channels: int) -> FieldMap:
    """Every output channel depends on the input channels of its group."""
    groups = context.argument("groups", 1)
    dimension = len(m.groups) - _spatial_rank(context) - 1
    inside = m.shape[dimension] // groups
    if groups == 1 or not m.varies_along(dimension):
        return m.joined([dimension], context.op.index).grown(dimension, channels)
    mixed = divided(m, dimension, inside).joined([dimension + 1], context.op.index)
    return together(mixed.grown(dimension + 1, channels // groups), dimension)


def _slid(m: FieldMap, context: Context, windows: Sequence[g.Gather]) -> FieldMap:
    """One window along each of the last axes."""
    for axis, window in enumerate(windows):
        dimension = len(m.groups) - len(windows) + axis
        m = m.gathered(dimension, window, context.output_shape[dimension])
    return m


def _geometry(context: Context) -> list[tuple[int, int, int, int]]:
    """Kernel, stride, dilation and padding in front, for each axis."""
    a = attributes(context.network, context.op)
    kernel, dilation, padding = a["kernel_size"], a.get("dilation", (1,)), a.get("padding", (0,))
    if padding == "valid":
        padding = (0,)
    elif padding == "same":  # an odd total leaves the spare position behind
        padding = [d * (k - 1) // 2 for k, d in zip(kernel, dilation, strict=True)]
    sides = [integers(list(value), len(kernel)) for value in (a["stride"], dilation, padding)]
    return list(zip(kernel, *sides, strict=True))


@handles(kinds.CONVOLUTIONS | kinds.TRANSPOSED_CONVOLUTIONS)
def convolution(context: Context) -> FieldMap:
    """Channels mixed within groups, windows along the last axes.

    A transposed convolution's output reads the inputs whose stamped kernel covers it.
    """
    m = context.required()
    if context.map("weight") is not None:
        raise Unfollowed("a convolution whose weight depends on the input")
    m = _mix_channels(m, context, attributes(context.network, context.op)["out_channels"])
    transposed = context.op.kind in kinds.TRANSPOSED_CONVOLUTIONS
    window = g.transposed_window if transposed else g.window
    return _slid(m, context, [window(*sides) for sides in _geometry(context)])


@handles(kinds.FIXED_POOLS)
def pool(context: Context) -> list[Result]:
    """Windows along the last axes; channels stay apart."""
    m = context.required()
    windows = [g.window(*sides) for sides in _geometry(context)]
    for axis, window in enumerate(windows):
        dimension = len(m.groups) - len(windows) + axis
        size, output = m.shape[dimension], context.output_shape[dimension]
        if output == 1 and size > 1 and len(set(window.reads_within(0, size))) == size:
            # A global pool spelled out: its units depend on all positions.
            m = m.marked_joined(dimension, context.op.index)
    return [_slid(m, context, windows)] * len(context.op.outputs)


@handles(kinds.ADAPTIVE_POOLS)
def adaptive_pool(context: Context) -> list[Result]:
    """Windows from the floor to the ceiling of each output's share; one output joins all."""
    m = context.required()
    n = _spatial_rank(context)
    for axis in range(n):
        dimension = len(m.groups) - n + axis
        size, output = m.shape[dimension], context.output_shape[dimension]
        if output == 1:
            m = m.joined([dimension], context.op.index)
        elif output != size:
            m = m.gathered(dimension, g.adaptive(size, output), output)
    return [m] * len(context.op.outputs)


_BORDERS = {"constant": g.DROP, "reflect": g.REFLECT, "replicate": g.CLAMP, "circular": g.WRAP}


@handles(kinds.PADDING)
def pad(context: Context) -> FieldMap:
    """Positions put around; the last axes come first in the argument."""
    m = context.required()
    amounts = context.argument("pad", [])
    mode = context.argument("mode", "constant")
    if mode not in _BORDERS or not all(isinstance(amount, int) for amount in amounts):
        raise Unfollowed(f"padding of mode {mode!r}")
    for axis, before in enumerate(amounts[::2]):
        dimension = m.dimension(-1 - axis)
        if before or amounts[2 * axis + 1]:
            window = g.window(1, 1, 1, before, _BORDERS[mode])
            m = m.gathered(dimension, window, context.output_shape[dimension])
    return m


_LINEAR = frozenset({"linear", "bilinear", "trilinear"})


@handles(kinds.RESAMPLING)
def interpolate(context: Context) -> FieldMap:
    """Nearest reads one position, linear two, cubic four."""
    m = context.required()
    mode = context.argument("mode", "nearest")
    if context.argument("antialias", False):
        raise Unfollowed("antialiased interpolation")
    factors = context.argument("scale_factor")
    if context.argument("recompute_scale_factor", False):
        factors = None
    n = len(m.groups) - 2
    if isinstance(factors, (int, float)):
        factors = [factors] * n
    for axis in range(n):
        dimension = axis + 2
        size, output = m.shape[dimension], context.output_shape[dimension]
        if mode == "area":
            if output == 1:
                m = m.joined([dimension], context.op.index)
            else:
                m = m.gathered(dimension, g.adaptive(size, output), output)
            continue
        scale = Fraction(size, output)
        if factors is not None:
            scale = 1 / Fraction(factors[axis]).limit_denominator(1 << 16)
        m = m.gathered(dimension, _resampling(context, mode, scale, size, output), output)
    return m


def _resampling(context: Context, mode: str, scale: Fraction, size: int, output: int) -> g.Gather:
    half, none = Fraction(1, 2), Fraction(0)
    if mode == "nearest":
        return g.resample(scale, "nearest", offset=none)
    if mode == "nearest-exact":
        return g.resample(scale, "nearest", offset=half)
    if mode in _LINEAR or mode == "bicubic":
        kind = "cubic" if mode == "bicubic" else "linear"
        if context.argument("align_corners", False):
            corners = Fraction(size - 1, output - 1) if output > 1 else none
            return g.resample(corners, kind, offset=none) if corners else g.pick(0, 0)
        return g.resample(scale, kind, offset=half)
    raise Unfollowed(f"interpolation of mode {mode!r}")
