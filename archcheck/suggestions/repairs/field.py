"""Repairs of a receptive field that is too small, too large or full of holes.

A window with ``k`` taps adds ``(k - 1) * dilation * jump`` to the field.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil

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
        for repair, whole in (_more_dilation(view, op, wanted), _more_taps(view, op, wanted)):
            if repair and whole:
                yield repair
            elif repair:
                partial.append(repair)
    for op in ops:
        a = view.of(op)
        if max(a["stride"]) == 1 and (min(a["kernel_size"]) > 1 or op.kind in kinds.CONVOLUTIONS):
            yield {op.index: Setting.of(stride=2)}
    yield from partial


def _more_dilation(view: View, op: Op, wanted: Sequence[int]) -> tuple[Repair, bool]:
    """A larger dilation, no larger than the map; and whether it is enough."""
    a, jumps, sides = view.of(op), view.jumps(op), view.sides(op)
    if op.kind not in _DILATED:
        return {}, False
    dilation, whole = [], True
    for n, more in enumerate(_per_axis(wanted, len(jumps))):
        taps, now, jump = a["kernel_size"][n], a["dilation"][n], jumps[n]
        if not more or taps == 1 or not jump:
            dilation.append(now)
            whole = whole and not more
            continue
        needed = now + ceil(more / ((taps - 1) * jump))
        # Further out the outer taps would only ever meet padding.
        limit = max((2 * sides[n] - 1) // (taps - 1), now)
        dilation.append(min(needed, limit))
        whole = whole and needed <= limit
    if dilation == list(a["dilation"]):
        return {}, False
    return _dilated(view, op, dilation), whole


def _dilated(view: View, op: Op, dilation: Sequence[int]) -> Repair:
    """Another dilation, with the padding that keeps the map's size."""
    a = view.of(op)
    more = [
        (taps - 1) * (new - old) // 2
        for taps, new, old in zip(a["kernel_size"], dilation, a["dilation"], strict=True)
    ]
    return {op.index: Setting.of(dilation=one_for_all(dilation), **padded(a["padding"], more))}


def _more_taps(view: View, op: Op, wanted: Sequence[int]) -> tuple[Repair, bool]:
    """A larger kernel; and whether it is enough."""
    a, jumps, sides = view.of(op), view.jumps(op), view.sides(op)
    kernel, whole = [], True
    for n, more in enumerate(_per_axis(wanted, len(jumps))):
        taps, jump = a["kernel_size"][n], jumps[n]
        if not more or not jump:
            kernel.append(taps)
            whole = whole and not more
            continue
        needed = taps + 2 * ceil(more / (2 * a["dilation"][n] * jump))
        limit = min(MOST_TAPS, 2 * sides[n] - 1)
        kernel.append(max(taps, min(needed, limit - (limit - taps) % 2)))
        whole = whole and needed <= kernel[-1]
    if kernel == list(a["kernel_size"]):
        return {}, False
    return with_kernel(view, op, kernel), whole


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
            yield _dilated(view, op, dilation)
        if kernel != list(a["kernel_size"]):
            yield with_kernel(view, op, kernel)
        if max(a["stride"]) > 1:
            yield {op.index: Setting.of(stride=1)}


def _denser(view: View, ops: Sequence[Op]) -> Iterator[Repair]:
    """Smaller dilations, larger kernels and smaller strides, for a field with holes."""
    for op in reversed(ops):
        a = view.of(op)
        for spread in range(max(a["dilation"]) - 1, 0, -1):
            yield _dilated(view, op, [min(spread, old) for old in a["dilation"]])
        pairs = list(zip(a["stride"], a["kernel_size"], strict=True))
        if any(step > taps for step, taps in pairs):
            yield with_kernel(view, op, list(map(max, pairs)))
            yield {op.index: Setting.of(stride=one_for_all(list(map(min, pairs))))}
        yield with_kernel(view, op, [k + 2 for k in a["kernel_size"]])
