"""Repairs of a receptive field that is too small, too large or full of holes.

A window with ``k`` taps adds ``(k - 1) * dilation * jump`` to the field.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import ceil
from operator import gt

from archcheck.fields import UnknownField, UnknownLocation
from archcheck.network import Op, kinds
from archcheck.spec.report import Finding
from archcheck.suggestions.repairs.base import Repair, Setting, View, one_for_all, padded
from archcheck.suggestions.repairs.bounds import exceeding, lacking, least, most, numbers

_DILATED = kinds.CONVOLUTIONS | kinds.FIXED_MAX_POOLS
MOST_TAPS = 15
"""The largest side of a kernel that is proposed."""


def repairs(view: View, finding: Finding) -> Iterator[Repair]:
    """Settings of single windows in front of the map whose field is asked for."""
    ops = _upstream(view, getattr(finding.options, "at", "features"))
    sizes = numbers(finding.verdict.found)
    if lacking(finding):
        low = least(finding.options) or 0
        yield from _larger(view, ops, [max(int(low - size), 0) for size in sizes])
    elif exceeding(finding):
        high = most(finding.options) or 1
        yield from _smaller(view, ops, [max(int(size - high), 0) for size in sizes])
    else:
        yield from _denser(view, ops)


def _upstream(view: View, at: str) -> list[Op]:
    try:
        locations = view.field.locations(at)
    except (UnknownLocation, UnknownField):
        return []
    leading = view.leading_to([tensor for each in locations for tensor in each.tensors])
    return [op for op in view.windows if op.index in leading and view.jumps(op)]


def _per_axis(wanted: Sequence[int], axes: int) -> list[int]:
    return list(wanted) if len(wanted) == axes else [max(wanted, default=0)] * axes


def _larger(view: View, ops: Sequence[Op], wanted: Sequence[int]) -> Iterator[Repair]:
    partial: list[Repair] = []
    for op in reversed(ops):
        # Layers that are built at one place change together.
        for steps in dict.fromkeys((_steps_together(view, op, ops), view.jumps(op))):
            for repair, whole in (
                _more_dilation(view, op, steps, wanted),
                _more_taps(view, op, steps, wanted),
            ):
                if repair and whole:
                    yield repair
                elif repair:
                    partial.append(repair)
    for op in ops:
        a = view.of(op)
        if max(a["stride"]) == 1 and (min(a["kernel_size"]) > 1 or op.kind in kinds.CONVOLUTIONS):
            yield {op.index: Setting.of(stride=2)}
    yield from partial


Steps = tuple[Fraction | int | None, ...]
"""How far the field grows on each axis with each position that a window reaches further."""


def _steps_together(view: View, op: Op, ops: Sequence[Op]) -> Steps:
    """The jumps of all windows that are built where one is, as far as they are in a row."""
    same = [view.jumps(each) for each in ops if each.built is not None and each.built == op.built]
    axes = zip(*same, strict=True) if same else iter(())
    return tuple(sum(filter(None, axis)) or None for axis in axes) or view.jumps(op)


def _more_dilation(view: View, op: Op, steps: Steps, wanted: Sequence[int]) -> tuple[Repair, bool]:
    """A larger dilation, no larger than the map; and whether it is enough."""
    a, sides = view.of(op), view.sides(op)
    if op.kind not in _DILATED:
        return {}, False
    needed, limits = [], []
    for n, more in enumerate(_per_axis(wanted, len(steps))):
        taps, now, step = a["kernel_size"][n], a["dilation"][n], steps[n]
        reaches = taps > 1 and step
        needed.append(now + ceil(more / ((taps - 1) * step)) if reaches else now)
        # Further out the outer taps would only ever meet padding.
        limits.append(max((2 * sides[n] - 1) // (taps - 1), now) if reaches else now)
        if more and not reaches:
            return {}, False
    dilation = _limited(needed, limits, a["dilation"])
    if dilation == list(a["dilation"]):
        return {}, False
    return with_dilation(view, op, dilation), not any(map(gt, needed, dilation))


def _limited(needed: list[int], limits: list[int], before: Sequence[int]) -> list[int]:
    """What is needed as far as the limits allow; one number for all axes where it was one."""
    if len(set(before)) == 1:
        return [min(max(needed), *limits)] * len(needed)
    return list(map(min, needed, limits))


def with_dilation(view: View, op: Op, dilation: Sequence[int]) -> Repair:
    """Another dilation, with the padding that keeps the map's size."""
    a = view.of(op)
    more = [
        (taps - 1) * (new - old) // 2
        for taps, new, old in zip(a["kernel_size"], dilation, a["dilation"], strict=True)
    ]
    return {op.index: Setting.of(dilation=one_for_all(dilation), **padded(a["padding"], more))}


def _more_taps(view: View, op: Op, steps: Steps, wanted: Sequence[int]) -> tuple[Repair, bool]:
    """A larger kernel; and whether it is enough."""
    a, sides = view.of(op), view.sides(op)
    needed, limits = [], []
    for n, more in enumerate(_per_axis(wanted, len(steps))):
        taps, step = a["kernel_size"][n], steps[n]
        if more and not step:
            return {}, False
        needed.append(taps + 2 * ceil(more / (2 * a["dilation"][n] * step)) if step else taps)
        limit = min(MOST_TAPS, 2 * sides[n] - 1)
        limits.append(max(taps, limit - (limit - taps) % 2))
    kernel = _limited(needed, limits, a["kernel_size"])
    if kernel == list(a["kernel_size"]):
        return {}, False
    return with_kernel(view, op, kernel), not any(map(gt, needed, kernel))


def with_kernel(view: View, op: Op, kernel: Sequence[int]) -> Repair:
    """Another kernel, with the padding that keeps the map's size."""
    a = view.of(op)
    more = [
        (new - old) * spread // 2
        for new, old, spread in zip(kernel, a["kernel_size"], a["dilation"], strict=True)
    ]
    return {op.index: Setting.of(kernel_size=one_for_all(kernel), **padded(a["padding"], more))}


def _smaller(view: View, ops: Sequence[Op], wanted: Sequence[int]) -> Iterator[Repair]:
    for op in reversed(ops):
        a, jumps = view.of(op), view.jumps(op)
        less = _per_axis(wanted, len(jumps))
        dilation, kernel = list(a["dilation"]), list(a["kernel_size"])
        for n, jump in enumerate(jumps):
            if not less[n] or not jump or kernel[n] == 1:
                continue
            dilation[n] = max(1, dilation[n] - ceil(less[n] / ((kernel[n] - 1) * jump)))
            fewer = 2 * ceil(less[n] / (2 * a["dilation"][n] * jump))
            kernel[n] = max(kernel[n] - fewer, 2 - kernel[n] % 2)
        if dilation != list(a["dilation"]):
            yield with_dilation(view, op, dilation)
        if kernel != list(a["kernel_size"]):
            yield with_kernel(view, op, kernel)
        if max(a["stride"]) > 1:
            yield {op.index: Setting.of(stride=1)}


def _denser(view: View, ops: Sequence[Op]) -> Iterator[Repair]:
    """Smaller dilations, larger kernels and smaller strides, for a field with holes."""
    for op in reversed(ops):
        a = view.of(op)
        for spread in range(max(a["dilation"]) - 1, 0, -1):
            yield with_dilation(view, op, [min(spread, old) for old in a["dilation"]])
        pairs = list(zip(a["stride"], a["kernel_size"], strict=True))
        if any(step > taps for step, taps in pairs):
            yield with_kernel(view, op, list(map(max, pairs)))
            yield {op.index: Setting.of(stride=one_for_all(list(map(min, pairs))))}
        yield with_kernel(view, op, [k + 2 for k in a["kernel_size"]])
