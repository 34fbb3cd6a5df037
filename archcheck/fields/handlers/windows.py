"""Convolutions, pools, padding and resampling: everything that slides along an axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

from msgspec.structs import replace

from archcheck.fields.algebra import axis_map
from archcheck.fields.algebra.field_map import FieldMap, NotModelledError
from archcheck.fields.algebra.merge import merged
from archcheck.fields.algebra.reshape import divided, together
from archcheck.fields.handlers.base import Context, Result, handles, integers
from archcheck.fields.handlers.kernels import alike_in_one, boxes
from archcheck.fields.handlers.masking import open_elements
from archcheck.network import attributes, kinds


def _spatial_rank(context: Context) -> int:
    return int(context.op.kind[-2])


def _mix_channels(m: FieldMap, context: Context, channels: int) -> FieldMap:
    """Every output channel depends on the input channels of its group."""
    groups = context.argument("groups", 1)
    dimension = len(m.groups) - _spatial_rank(context) - 1
    inside = m.shape[dimension] // groups
    if groups == 1 or not m.varies_along(dimension):
        return m.mixed(dimension, channels, context.op.index)
    mixed = divided(m, dimension, inside).joined([dimension + 1], context.op.index)
    return together(mixed.grown(dimension + 1, channels // groups), dimension)


def _slid(
    m: FieldMap,
    context: Context,
    windows: Sequence[axis_map.AxisMap],
    *,
    numbered: bool = False,
) -> FieldMap:
    """One window along each of the last axes."""
    for axis, window in enumerate(windows):
        dimension = len(m.groups) - len(windows) + axis
        size, output = m.shape[dimension], context.output_shape[dimension]
        read = m.gathered(dimension, window, output)
        if numbered:
            m = _of_own(read, m.single(dimension), dimension)
        else:
            m = counted(read, dimension, always=size == 1 < output)
    return m


def _of_own(m: FieldMap, before: FieldMap, dimension: int) -> FieldMap:
    """Of numbered units an axis's own tracks alone say which units read nothing on it."""
    if len(m.factors) != len(before.factors):
        return m
    at = m.span(dimension).start
    pairs = zip(m.tracks, before.tracks, strict=True)
    return replace(m, tracks=tuple([new if old.local.varies(at) else old for new, old in pairs]))


def counted(m: FieldMap, dimension: int, *, always: bool = False) -> FieldMap:
    """A map in which a dimension that windows ran along counts positions if units differ there, or
    ``always``.

    What was joined before is one unit; behind padding some units of it may read nothing. Where all
    axes are there, windows ran along channels.
    """
    at = m.span(dimension).start
    if m.factors[at].spatial or not (always or m.varies(at)):
        return m
    if len(m.spatial_dimensions()) >= len(m.tracks):
        return m
    return replace(
        m, factors=(*m.factors[:at], replace(m.factors[at], spatial=True), *m.factors[at + 1 :])
    )


def geometry(a: Mapping[str, Any]) -> Sequence[tuple[int, int, int, int]]:
    """Kernel, stride, dilation and padding in front, for each axis, from the attributes."""
    return _sides(a["kernel_size"], a["stride"], a["dilation"], a["padding"])


@lru_cache(maxsize=4096)
def _sides(
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    padding: tuple[int, ...] | str,
) -> Sequence[tuple[int, int, int, int]]:
    if padding == "valid":
        padding = (0,)
    elif padding == "same":  # an odd total leaves the spare position behind
        padding = tuple(d * (k - 1) // 2 for k, d in zip(kernel, dilation, strict=True))
    sides = [integers(list(value), len(kernel)) for value in (stride, dilation, padding)]
    return tuple(zip(kernel, *sides, strict=True))


@handles(kinds.CONVOLUTIONS | kinds.TRANSPOSED_CONVOLUTIONS)
def convolution(context: Context) -> FieldMap:
    """Channels mixed within groups, windows along the last axes.

    A transposed convolution's output reads the inputs whose stamped kernel covers it.
    """
    m = context.required()
    if context.map("weight") is not None:
        raise NotModelledError("a convolution whose weight depends on the input")
    if open_elements(context, context.op.arguments["weight"]) is not None:
        whole = merged(kernel_parts(context), context.output_shape)
        return alike_in_one(whole, len(whole.groups) - _spatial_rank(context) - 1)
    a = attributes.window(context.network, context.op)
    m = _mix_channels(m, context, a["out_channels"])
    transposed = context.op.kind in kinds.TRANSPOSED_CONVOLUTIONS
    window = axis_map.transposed_window if transposed else axis_map.window
    return _slid(m, context, [window(*sides) for sides in geometry(a)])


def kernel_parts(context: Context, *, numbered: bool = False) -> list[FieldMap]:
    """What each box of a masked kernel's open taps reads: one map for each box.

    A unit may read any set of taps, which is a product of sets on the axes only within a box.
    ``numbered`` says that the operand's map numbers its own units.
    """
    m, is_open = context.required(), open_elements(context, context.op.arguments["weight"])
    assert is_open is not None
    dimension = len(m.groups) - _spatial_rank(context) - 1
    a = attributes.window(context.network, context.op)
    transposed = context.op.kind in kinds.TRANSPOSED_CONVOLUTIONS
    window = axis_map.transposed_window_of if transposed else axis_map.window_of
    parts = []
    for mixed, taps in boxes(context, m, is_open, dimension, numbered=numbered):
        pairs = zip(taps, geometry(a), strict=True)
        windows = [window(own, *sides[1:]) for own, sides in pairs]
        parts.append(_slid(mixed, context, windows, numbered=numbered))
    if not parts:  # all of it is masked
        mixed = m.mixed(dimension, a["out_channels"], context.op.index)
        nothing = axis_map.window(1, 1, 1, 0)
        parts.append(_slid(mixed, context, [nothing] * _spatial_rank(context)).emptied())
    return parts


@handles(kinds.FIXED_POOLS)
def pool(context: Context) -> list[Result]:
    """Windows along the last axes; channels stay apart."""
    m = context.required()
    a = attributes.window(context.network, context.op)
    windows = [axis_map.window(*sides) for sides in geometry(a)]
    for axis, window in enumerate(windows):
        dimension = len(m.groups) - len(windows) + axis
        size, output = m.shape[dimension], context.output_shape[dimension]
        if output == 1 and size > 1 and len(set(window.reads_within(0, size))) == size:
            # A global pool spelled out: its units depend on all positions.
            m = m.marked_joined(dimension, context.op.index)
    return [_slid(m, context, windows)] * len(context.op.outputs)


@handles(kinds.ADAPTIVE_POOLS)
def adaptive_pool(context: Context) -> list[Result]:
    """Each output's window is its share, rounded outwards; a single output joins all."""
    m = context.required()
    n = _spatial_rank(context)
    for axis in range(n):
        dimension = len(m.groups) - n + axis
        size, output = m.shape[dimension], context.output_shape[dimension]
        if output == 1:
            m = m.joined([dimension], context.op.index)
        elif output != size:
            m = m.gathered(dimension, axis_map.adaptive(size, output), output)
            m = counted(m, dimension, always=size == 1)
    return [m] * len(context.op.outputs)


BORDERS = {
    "constant": axis_map.DROP,
    "reflect": axis_map.REFLECT,
    "replicate": axis_map.CLAMP,
    "circular": axis_map.WRAP,
}


@handles(kinds.PADDING)
def pad(context: Context) -> FieldMap:
    """Positions are added around; the argument begins with the last axis."""
    m = context.required()
    amounts = context.argument("pad", [])
    mode = context.argument("mode", "constant")
    if mode not in BORDERS or not all(isinstance(amount, int) for amount in amounts):
        raise NotModelledError(f"padding of mode {mode!r}")
    for axis, before in enumerate(amounts[::2]):
        dimension = m.dimension(-1 - axis)
        if before or amounts[2 * axis + 1]:
            window = axis_map.window(1, 1, 1, before, BORDERS[mode])
            m = m.gathered(dimension, window, context.output_shape[dimension])
            m = counted(m, dimension) if dimension > 1 else m
    return m


_LINEAR = frozenset({"linear", "bilinear", "trilinear"})
_CUBIC = frozenset({"bicubic", "cubic"})


@handles(kinds.RESAMPLING)
def interpolate(context: Context) -> FieldMap:
    """Nearest reads one position, linear two, cubic four, antialiasing all that it averages."""
    m = context.required()
    mode = context.argument("mode", "nearest")
    if context.op.function.endswith("upsample_bilinear"):
        mode = "bilinear"
    corners = context.argument("align_corners", context.op.function.endswith("upsample_bilinear"))
    factors = context.argument("scale_factor")
    if context.argument("recompute_scale_factor", False):
        factors = None
    n = len(m.groups) - 2
    if isinstance(factors, (int, float)):
        factors = [factors] * n
    for axis in range(n):
        dimension = axis + 2
        size, output = m.shape[dimension], context.output_shape[dimension]
        factor = None if factors is None else float(factors[axis])
        if mode == "area" and output == 1:
            m = m.joined([dimension], context.op.index)
            continue
        if mode == "area":
            read = axis_map.adaptive(size, output)
        else:
            smooth = bool(context.argument("antialias", False))
            read = resampling(mode, size, output, factor, corners=corners, smooth=smooth)
        m = m.gathered(dimension, read, output)
        m = counted(m, dimension, always=size == 1 < output)
    return m


def resampling(
    mode: str,
    size: int,
    output: int,
    factor: float | None,
    *,
    corners: bool = False,
    smooth: bool = False,
) -> axis_map.AxisMap:
    """What an interpolation from ``size`` to ``output`` positions reads along one axis.

    ``factor`` is the scale argument, None if the sizes determine it; with ``corners`` the
    outermost positions of input and output coincide, with ``smooth`` it is antialiased.

    Raises:
        NotModelledError: for an unknown mode.
    """
    half, none = Fraction(1, 2), Fraction(0)
    scale = Fraction(size, output)
    if factor is not None:
        scale = 1 / Fraction(factor).limit_denominator(1 << 16)
    if mode == "nearest":
        return axis_map.resample(scale, "nearest", offset=none)
    if mode == "nearest-exact":
        return axis_map.resample(scale, "nearest", offset=half)
    if mode not in _LINEAR | _CUBIC:
        raise NotModelledError(f"interpolation of mode {mode!r}")
    kind = "cubic" if mode in _CUBIC else "linear"
    if corners:
        scale = Fraction(size - 1, output - 1) if output > 1 else none
    if smooth:
        return axis_map.smoothed(scale, kind) if scale else axis_map.pick(0, 0)
    if corners:
        return axis_map.resample(scale, kind, offset=none) if scale else axis_map.pick(0, 0)
    return axis_map.resample(scale, kind, offset=half)
