"""Repairs of faults that a lint finds: a bias that is of no use, layers in the wrong order."""

from __future__ import annotations

from collections.abc import Iterator

from archcheck.network import Op
from archcheck.rules import Location
from archcheck.spec.report import Finding
from archcheck.suggestions.repairs.base import Repair, Setting, View

_IN_WRONG_ORDER = ("dropout-before-batchnorm", "norm-after-activation")


def repairs(view: View, finding: Finding) -> Iterator[Repair]:
    """What may be set so that the errors of a lint are gone: all of one sort at once, then each."""
    biased: dict[int, Setting] = {}
    for aside in finding.verdict.asides:
        if aside.level != "error":
            continue
        for op in _ops(view, aside.verdict.locations[:1]):
            if aside.rule == "bias-before-batchnorm":
                biased[op.index] = Setting.of(bias=False)
            elif aside.rule in _IN_WRONG_ORDER:
                yield from _swaps(view, op)
    if biased:
        yield biased
    if len(biased) > 1:
        yield from ({index: setting} for index, setting in biased.items())


def _ops(view: View, locations: tuple[Location, ...]) -> list[Op]:
    paths = {location.module for location in locations if location.module}
    return [op for op in view.network.ops if op.module in paths]


def _swaps(view: View, op: Op) -> Iterator[Repair]:
    """A layer in the place of each of its neighbours in a sequence."""
    around, dot, number = op.module.rpartition(".")
    for step in (1, -1) if number.isdecimal() else ():
        yield {op.index: Setting((), swapped=f"{around}{dot}{int(number) + step}")}
