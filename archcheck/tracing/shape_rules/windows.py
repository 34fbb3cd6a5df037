"""Convolutions, pools, padding and resampling."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

import torch

from archcheck.network import kinds
from archcheck.tracing.shape_rules.base import (
    Call,
    blank,
    plain,
    remembered,
    require,
    shape_rule,
    whole,
)


def _axes(call: Call) -> int:
    return int(call.kind[-2])


def _gives_indices(call: Call) -> bool:
    # Some functions do by their name, whatever ``return_indices`` is.
    return call.function.endswith("_with_indices") or bool(call.bound.get("return_indices"))


@shape_rule(*kinds.CONVOLUTIONS)
@remembered
def convolution(call: Call) -> Any:
    """Batch, output channels, and the number of kernel positions along each axis."""
    x, weight, bias, stride, padding, dilation, groups = call.take(
        "input", "weight", bias=None, stride=1, padding=0, dilation=1, groups=1
    )
    n = _axes(call)
    plain(x, weight, bias)
    steps, spread = whole(stride, n, 1), whole(dilation, n, 1)
    require(type(groups) is int, x.dim() == n + 2, weight.dim() == n + 2)
    outputs, inside, *kernel = weight.shape
    require(
        groups > 0 and outputs % groups == 0,
        x.shape[1] == inside * groups,
        bias is None or tuple(bias.shape) == (outputs,),
    )
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, spread, strict=True)]
    if padding == "same":
        require(all(step == 1 for step in steps))
        added = [span - 1 for span in spans]
    else:
        around = whole(0 if padding == "valid" else padding, n, 0)
        added = [2 * side for side in around]
    room = [side + more - span for side, more, span in zip(x.shape[2:], added, spans, strict=True)]
    require(all(left >= 0 for left in room))
    sides = [left // step + 1 for left, step in zip(room, steps, strict=True)]
    return blank(x, (x.shape[0], outputs, *sides))


@shape_rule(*kinds.TRANSPOSED_CONVOLUTIONS)
def transposed_convolution(call: Call) -> Any:
    """Batch, output channels, and the input sides of the matching convolution."""
    x, weight, bias, stride, padding, output_padding, groups, dilation = call.take(
        "input",
        "weight",
        bias=None,
        stride=1,
        padding=0,
        output_padding=0,
        groups=1,
        dilation=1,
    )
    n = _axes(call)
    plain(x, weight, bias)
    steps, around = whole(stride, n, 1), whole(padding, n, 0)
    extra, spread = whole(output_padding, n, 0), whole(dilation, n, 1)
    require(type(groups) is int, x.dim() == n + 2, weight.dim() == n + 2)
    channels, outside, *kernel = weight.shape
    outputs = outside * groups
    require(
        groups > 0 and channels % groups == 0,
        x.shape[1] == channels,
        bias is None or tuple(bias.shape) == (outputs,),
        all(e < max(s, d) for e, s, d in zip(extra, steps, spread, strict=True)),
    )
    sides = [
        (side - 1) * step - 2 * pad + d * (k - 1) + more + 1
        for side, step, pad, d, k, more in zip(
            x.shape[2:], steps, around, spread, kernel, extra, strict=True
        )
    ]
    require(all(side > 0 for side in sides))
    return blank(x, (x.shape[0], outputs, *sides))


def _slid(
    sides: Sequence[int],
    kernel: Sequence[int],
    steps: Sequence[int],
    around: Sequence[int],
    spread: Sequence[int],
    ceil: bool,
) -> list[int]:
    counts = []
    for side, k, step, pad, d in zip(sides, kernel, steps, around, spread, strict=True):
        require(pad <= k // 2, side >= k)
        room = side + 2 * pad - d * (k - 1) - 1
        require(room >= 0)
        count = (room + (step - 1 if ceil else 0)) // step + 1
        # The last window begins inside the map or the padding in front of it.
        if ceil and (count - 1) * step >= side + pad:
            count -= 1
        counts.append(count)
    return counts


@shape_rule(*kinds.FIXED_MAX_POOLS)
def max_pool(call: Call) -> Any:
    """The sides are the number of window positions along each axis."""
    x, kernel_size, stride, padding, dilation, ceil_mode, _ = call.take(
        "input",
        "kernel_size",
        stride=None,
        padding=0,
        dilation=1,
        ceil_mode=False,
        return_indices=False,
    )
    n = _axes(call)
    plain(x)
    require(x.dim() == n + 2, not _gives_indices(call), type(ceil_mode) is bool)
    kernel = whole(kernel_size, n, 1)
    steps = kernel if stride is None or stride == [] else whole(stride, n, 1)
    around, spread = whole(padding, n, 0), whole(dilation, n, 1)
    sides = _slid(x.shape[2:], kernel, steps, around, spread, ceil_mode)
    return blank(x, (*x.shape[:2], *sides))


@shape_rule(*kinds.FIXED_AVERAGE_POOLS)
def average_pool(call: Call) -> Any:
    """The sides are the number of window positions along each axis."""
    x, kernel_size, stride, padding, ceil_mode, _, divisor = call.take(
        "input",
        "kernel_size",
        stride=None,
        padding=0,
        ceil_mode=False,
        count_include_pad=True,
        divisor_override=None,
    )
    n = _axes(call)
    plain(x)
    require(x.dim() == n + 2, divisor is None, type(ceil_mode) is bool)
    kernel = whole(kernel_size, n, 1)
    steps = kernel if stride is None or stride == [] else whole(stride, n, 1)
    sides = _slid(x.shape[2:], kernel, steps, whole(padding, n, 0), (1,) * n, ceil_mode)
    return blank(x, (*x.shape[:2], *sides))


@shape_rule(*kinds.ADAPTIVE_POOLS)
def adaptive_pool(call: Call) -> Any:
    """The sides are those of ``output_size``."""
    x, output_size, _ = call.take("input", "output_size", return_indices=False)
    n = _axes(call)
    plain(x)
    require(x.dim() == n + 2, not _gives_indices(call))
    return blank(x, (*x.shape[:2], *whole(output_size, n, 1)))


@shape_rule("pad")
def pad(call: Call) -> Any:
    """Every side grows by its padding; the argument begins with the last axis."""
    x, amounts, mode, value = call.take("input", "pad", mode="constant", value=None)
    plain(x)
    require(
        mode == "constant",
        value is None or type(value) in (int, float),
        isinstance(amounts, (tuple, list)),
    )
    require(
        all(type(amount) is int for amount in amounts),
        len(amounts) % 2 == 0,
        len(amounts) <= 2 * x.dim(),
    )
    shape = list(x.shape)
    for place, (before, after) in enumerate(zip(amounts[::2], amounts[1::2], strict=True)):
        shape[-1 - place] += before + after
    require(all(amount >= 0 for amount in amounts))
    return blank(x, shape)


_PLAIN_MODES = {"linear": 3, "bilinear": 4, "trilinear": 5, "bicubic": 4}


@shape_rule("interpolate")
def interpolate(call: Call) -> Any:
    """The given size, or the sides times the scale, rounded down."""
    x, size, scale, mode, corners, recompute, antialias = call.take(
        "input",
        size=None,
        scale_factor=None,
        mode="nearest",
        align_corners=None,
        recompute_scale_factor=None,
        antialias=False,
    )
    plain(x)
    n = x.dim() - 2
    require(n in (1, 2, 3), antialias is False, not recompute, (size is None) != (scale is None))
    if mode in ("nearest", "nearest-exact"):
        require(corners is None)
    else:
        require(_PLAIN_MODES.get(mode) == x.dim(), corners in (None, True, False))
    if size is not None:
        return blank(x, (*x.shape[:2], *whole(size, n, 1)))
    scales = list(scale) if isinstance(scale, (tuple, list)) else [scale] * n
    require(
        len(scales) == n,
        all(type(s) in (int, float) and isfinite(s) and s > 0 for s in scales),
    )
    sides = [int(side * float(s)) for side, s in zip(x.shape[2:], scales, strict=True)]
    require(all(side > 0 for side in sides))
    return blank(x, (*x.shape[:2], *sides))


@shape_rule("pixel_shuffle")
def pixel_shuffle(call: Call) -> torch.Tensor:
    """Channels become factor x factor positions."""
    x, factor = call.take("input", "upscale_factor")
    plain(x)
    require(type(factor) is int and factor > 0 and x.dim() >= 3)
    channels, height, width = x.shape[-3:]
    require(channels % (factor * factor) == 0)
    shape = (*x.shape[:-3], channels // factor**2, height * factor, width * factor)
    result: torch.Tensor = blank(x, shape)
    return result
