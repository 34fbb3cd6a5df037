"""Repairs of counts: strided, dilated, depthwise and depthwise-separable convolutions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from archcheck.network import Op, kinds
from archcheck.spec.report import Finding
from archcheck.suggestions.repairs.base import Repair, Setting, View, together
from archcheck.suggestions.repairs.bounds import exceeding, lacking
from archcheck.suggestions.repairs.field import with_dilation, with_kernel

MOST = 24
"""The most repairs of one sort."""


def strided(view: View, finding: Finding) -> Iterator[Repair]:
    """Convolutions (and pools, if they count) with another stride."""
    anything = getattr(finding.options, "of", "convolutions") == "anything"
    ops = view.windows if anything else view.convolutions
    with_stride = [op for op in ops if max(view.of(op)["stride"]) > 1]
    without = [op for op in view.convolutions if max(view.of(op)["stride"]) == 1]
    yield from _fewer(finding, with_stride, lambda op: {op.index: Setting.of(stride=1)})
    spread = [op for op in with_stride if _dilated_instead(view, op)]
    if len(spread) >= exceeding(finding):
        yield from _fewer(finding, spread, lambda op: _dilated_instead(view, op))
    yield from _more(finding, without, lambda op: {op.index: Setting.of(stride=2)})


def _dilated_instead(view: View, op: Op) -> Repair:
    """The stride given up, and the kernel spread by as much."""
    a = view.of(op)
    if op.kind not in kinds.CONVOLUTIONS or max(a["kernel_size"]) == 1:
        return {}
    spread = [d * s for d, s in zip(a["dilation"], a["stride"], strict=True)]
    spread_kernel = with_dilation(view, op, spread)[op.index]
    return {op.index: Setting((("stride", 1), *spread_kernel.arguments))}


def dilated(view: View, finding: Finding) -> Iterator[Repair]:
    """Convolutions with another dilation."""
    ops = [op for op in view.convolutions if max(view.of(op)["kernel_size"]) > 1]
    holes = [op for op in ops if max(view.of(op)["dilation"]) > 1]
    dense = [op for op in ops if max(view.of(op)["dilation"]) == 1]

    def spread(op: Op, by: int) -> Repair:
        return with_dilation(view, op, [by] * len(view.of(op)["dilation"]))

    yield from _fewer(finding, holes, lambda op: spread(op, 1))
    yield from _more(finding, dense[::-1], lambda op: spread(op, 2))


def depthwise(view: View, finding: Finding) -> Iterator[Repair]:
    """Convolutions with as many groups as channels, or with one."""
    ops = [op for op in view.convolutions if view.of(op)["in_channels"] > 1]
    yield from _fewer(
        finding,
        [op for op in ops if view.of(op)["depthwise"]],
        lambda op: {op.index: Setting.of(groups=1)},
    )
    yield from _more(finding, _divisible(view, ops), lambda op: _depthwise(view, op))


def separable(view: View, finding: Finding) -> Iterator[Repair]:
    """Depthwise convolutions in front of pointwise ones."""
    ops = view.convolutions
    yield from _fewer(
        finding,
        [op for op in ops if view.of(op)["depthwise"]],
        lambda op: {op.index: Setting.of(groups=1)},
    )
    pairs = dict(zip([op.index for op in ops], ops[1:], strict=False))
    spatial = [op for op in _divisible(view, ops) if max(view.of(op)["kernel_size"]) > 1]

    def pair(op: Op) -> Repair:
        following = pairs.get(op.index)
        if following is None or view.of(following)["groups"] == max(
            view.of(following)["kernel_size"]
        ):
            return _depthwise(view, op)
        taps = [1] * len(view.of(following)["kernel_size"])
        point = (
            {}
            if set(view.of(following)["kernel_size"]) == {1}
            else with_kernel(view, following, taps)
        )
        return {**_depthwise(view, op), **point}

    spatial.sort(key=lambda op: len(pair(op)))
    yield from _more(finding, spatial, pair)


def _divisible(view: View, ops: Sequence[Op]) -> list[Op]:
    """Those that can be made depthwise, and are not."""
    return [
        op
        for op in ops
        if not view.of(op)["depthwise"]
        and view.of(op)["in_channels"] > 1
        and view.of(op)["out_channels"] % view.of(op)["in_channels"] == 0
    ]


def _depthwise(view: View, op: Op) -> Repair:
    return {op.index: Setting.of(groups=view.of(op)["in_channels"])}


def _fewer(
    finding: Finding, ops: Sequence[Op], changed: Callable[[Op], Repair]
) -> Iterator[Repair]:
    yield from _changed(exceeding(finding), ops, changed)


def _more(finding: Finding, ops: Sequence[Op], changed: Callable[[Op], Repair]) -> Iterator[Repair]:
    yield from _changed(lacking(finding), ops, changed)


def _changed(wanted: int, ops: Sequence[Op], changed: Callable[[Op], Repair]) -> Iterator[Repair]:
    """As many of some operations changed at once as are wanted, or all."""
    count = min(wanted, len(ops))
    if count:
        yield from islice(together([changed(op) for op in ops], count), MOST)
