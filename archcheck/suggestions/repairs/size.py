"""Repairs of what a network has too much of, or too little: parameters, bytes, multiplications."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import gcd, prod

from archcheck.network import Op, kinds
from archcheck.spec.report import Finding
from archcheck.suggestions.repairs.base import Repair, Setting, View
from archcheck.suggestions.repairs.bounds import exceeding, lacking, numbers
from archcheck.suggestions.repairs.field import MOST_TAPS, with_kernel
from archcheck.suggestions.repairs.widths import narrower, wider

MOST_LAYERS = 12
"""The most layers that are changed one by one: those with most."""


def parameters(view: View, finding: Finding) -> Iterator[Repair]:
    """Fewer or more parameters; of bytes, as many as the parameters have."""
    sizes = {parameter.name: parameter.size for parameter in view.network.parameters}

    def weight(op: Op) -> int:
        return max((sizes.get(name, 0) for name in op.parameters), default=0)

    total = view.network.num_parameters
    found = max(numbers(finding.verdict.found), default=0) or 1
    share = total / found
    too_many, too_few = exceeding(finding) * share, lacking(finding) * share
    yield from _sized(view, weight, too_many, too_few)
    if too_many:
        yield from narrower(view, total - too_many)
        yield from _without_bias(view, sizes, too_many)
    elif too_few:
        yield from wider(view, total + too_few)


def macs(view: View, finding: Finding) -> Iterator[Repair]:
    """Fewer or more multiply-accumulates."""

    def cost(op: Op) -> int:
        return view.network.op_macs(op) or 0

    too_many, too_few = exceeding(finding), lacking(finding)
    yield from _sized(view, cost, too_many, too_few)
    if too_many:
        total = view.network.num_parameters
        share = too_many / max(max(numbers(finding.verdict.found), default=1), 1)
        yield from narrower(view, total * (1 - share))
        for op in view.windows[:MOST_LAYERS]:
            if max(view.of(op)["stride"]) == 1:
                yield {op.index: Setting.of(stride=2)}


def _sized(
    view: View, weight: Callable[[Op], int], too_many: float, too_few: float
) -> Iterator[Repair]:
    ops = sorted(view.convolutions, key=weight, reverse=True)[:MOST_LAYERS]
    for op in ops if too_many else ():
        yield from _more_groups(view, op, weight(op), too_many)
        yield from _fewer_taps(view, op, weight(op), too_many)
    for op in ops if too_few else ():
        a = view.of(op)
        if a["groups"] > 1:
            yield {op.index: Setting.of(groups=1)}
        if max(a["kernel_size"]) + 2 <= MOST_TAPS:
            yield with_kernel(view, op, [taps + 2 for taps in a["kernel_size"]])


def _more_groups(view: View, op: Op, weight: int, too_many: float) -> Iterator[Repair]:
    """The fewest groups that save enough; where none do, as many as possible."""
    a = view.of(op)
    now, common = a["groups"], gcd(a["in_channels"], a["out_channels"])
    possible = [n for n in range(now + 1, common + 1) if common % n == 0 and n % now == 0]
    enough = [n for n in possible if weight - weight * now / n >= too_many]
    for groups in dict.fromkeys((enough or possible[-1:])[:2] + possible[:1]):
        yield {op.index: Setting.of(groups=groups)}


def _fewer_taps(view: View, op: Op, weight: int, too_many: float) -> Iterator[Repair]:
    a = view.of(op)
    kernel = list(a["kernel_size"])
    smaller = []
    while max(kernel) > 2:
        kernel = [taps - 2 if taps > 2 else taps for taps in kernel]
        smaller.append(kernel)
    whole = prod(a["kernel_size"])
    enough = [k for k in smaller if weight - weight * prod(k) / whole >= too_many]
    for taps in (enough or smaller[-1:])[:1]:
        yield with_kernel(view, op, taps)


def _without_bias(view: View, sizes: dict[str, int], too_many: float) -> Iterator[Repair]:
    """No bias in layers that have one: in one alone, or in as many as are needed."""
    biased = [
        op
        for op in view.of_kinds(kinds.CONVOLUTIONS | kinds.LINEAR)
        if view.of(op).get("bias") and len(op.parameters) > 1
    ]
    biased.sort(key=lambda op: -min(sizes.get(name, 0) for name in op.parameters))
    together: dict[int, Setting] = {}
    saved = 0
    for op in biased:
        saved += min(sizes.get(name, 0) for name in op.parameters)
        together[op.index] = Setting.of(bias=False)
        if saved >= too_many:
            yield dict(together)
            return
