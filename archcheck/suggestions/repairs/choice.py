"""Which repairs there are of a rule that fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from archcheck.network import kinds
from archcheck.spec.report import Finding
from archcheck.suggestions.repairs import counts, faults, field, pools, size
from archcheck.suggestions.repairs.base import Repair, Setting, View

MOST = 80
"""The most repairs of one rule."""
_BY_RULE: dict[str, Callable[[View, Finding], Iterator[Repair]]] = {
    "receptive-field": field.repairs,
    "parameters": size.parameters,
    "model-size": size.parameters,
    "macs": size.macs,
    "global-average-pool": pools.global_average,
    "max-pool": pools.no_max_pool,
    "strided": counts.strided,
    "dilated": counts.dilated,
    "depthwise": counts.depthwise,
    "depthwise-separable": counts.separable,
    "lint": faults.repairs,
}


def repairs(view: View, finding: Finding) -> list[Repair]:
    """What may be set so that a rule holds; of other rules, whatever may be set of one layer."""
    found = _BY_RULE.get(finding.rule, _anything)(view, finding)
    return [each for each in islice(found, MOST) if each]


def _anything(view: View, finding: Finding) -> Iterator[Repair]:
    if finding.rule == "output-shape":
        yield from _last_width(view, finding)
    if finding.rule in ("blocks", "layers"):
        for op in view.windows:
            a = view.of(op)
            yield {op.index: Setting.of(stride=1 if max(a["stride"]) > 1 else 2)}
        for op in view.convolutions:
            a = view.of(op)
            yield {op.index: Setting.of(groups=1 if a["groups"] > 1 else a["in_channels"])}
            yield {op.index: Setting.of(bias=not a["bias"])}


def _last_width(view: View, finding: Finding) -> Iterator[Repair]:
    """The last layer with as many features as are asked for."""
    shape = getattr(finding.options, "shape", None) or [None]
    wanted = shape[0]
    layers = view.of_kinds(kinds.CONVOLUTIONS | kinds.LINEAR)
    if isinstance(wanted, int) and layers:
        name = "out_features" if layers[-1].kind in kinds.LINEAR else "out_channels"
        yield {layers[-1].index: Setting.of(**{name: wanted})}
