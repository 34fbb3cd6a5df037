"""Repairs of pools: an average that is not global, a max pool that is forbidden."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from archcheck.network import Op, kinds
from archcheck.spec.report import Finding
from archcheck.suggestions.repairs.base import Repair, Setting, View, one_for_all, together
from archcheck.suggestions.repairs.bounds import exceeding, lacking

_AVERAGES = kinds.FIXED_AVERAGE_POOLS | kinds.ADAPTIVE_POOLS


def global_average(view: View, finding: Finding) -> Iterator[Repair]:
    """Pools made global: by their window, or as an adaptive pool."""
    if not lacking(finding):
        return
    spatial = [op.index for op in view.convolutions if max(view.of(op)["kernel_size"]) > 1]
    pools = view.of_kinds(_AVERAGES | kinds.FIXED_MAX_POOLS)
    for op in reversed([pool for pool in pools if pool.index > max(spatial, default=-1)]):
        axes = int(op.kind[-2])
        sides = view.network.shape(op.inputs[0])[-axes:]
        if op.kind in kinds.FIXED_AVERAGE_POOLS:
            window = {"kernel_size": one_for_all(sides)}
            yield {op.index: Setting.of(**window)}
            if any(view.of(op)["padding"]):
                yield {op.index: Setting.of(**window, padding=0)}
        elif op.kind in kinds.ADAPTIVE_AVERAGE_POOLS:
            yield {op.index: Setting.of(output_size=1)}
            continue
        yield {op.index: _adaptive(axes)}


def _adaptive(axes: int) -> Setting:
    return Setting((("output_size", 1),), f"AdaptiveAvgPool{axes}d", afresh=True)


def no_max_pool(view: View, finding: Finding) -> Iterator[Repair]:
    """Max pools made convolutions, or averages: all that are too many at once."""
    count = exceeding(finding)
    pools = view.of_kinds(kinds.MAX_POOLS)
    for sort in (_depthwise, _dense, _average, _dilated):
        every = [{op.index: sort(view, op)} for op in pools]
        made = [{i: s for i, s in each.items() if s is not None} for each in every]
        some: list[Repair] = [each for each in made if each]
        if count > 1 or some:
            yield from islice(together(some, min(max(count, 1), len(some))), 8)


def _strided(view: View, op: Op, groups: int, **more: int) -> Setting | None:
    if op.kind not in kinds.FIXED_MAX_POOLS:
        return None
    a, axes = view.of(op), int(op.kind[-2])
    channels = view.network.shape(op.inputs[0])[-axes - 1]
    arguments = {
        "in_channels": channels,
        "out_channels": channels,
        "kernel_size": one_for_all(a["kernel_size"]),
        "stride": one_for_all(a["stride"]),
        "padding": one_for_all(a["padding"]),
        "groups": channels if groups else 1,
        **more,
    }
    kept = {k: v for k, v in arguments.items() if v != _DEFAULTS.get(k)}
    return Setting(tuple(kept.items()), f"Conv{axes}d", afresh=True)


_DEFAULTS = {"stride": 1, "padding": 0, "groups": 1, "dilation": 1}


def _depthwise(view: View, op: Op) -> Setting | None:
    return _strided(view, op, groups=True)


def _dense(view: View, op: Op) -> Setting | None:
    return _strided(view, op, groups=False)


def _dilated(view: View, op: Op) -> Setting | None:
    """A dilated convolution that leaves the map as large as it is."""
    return _strided(view, op, True, kernel_size=3, stride=1, padding=2, dilation=2)


def _average(view: View, op: Op) -> Setting | None:
    """The same window, averaged."""
    adaptive = op.kind in kinds.ADAPTIVE_POOLS
    if not adaptive and op.kind not in kinds.FIXED_MAX_POOLS:
        return None
    if not adaptive and max(view.of(op)["dilation"]) > 1:
        return None
    stem = "Adaptive" if adaptive else ""
    axes = int(op.kind[-2])
    return Setting((), f"{stem}AvgPool{axes}d")
