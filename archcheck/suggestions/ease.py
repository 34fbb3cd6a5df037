"""Edits between the source as it is and an edit that holds: the smallest change that holds, too.

How much a layer has to change is worked out for that layer alone; where an edit changes several of
them, less may do.
"""

from __future__ import annotations

from functools import reduce
from math import gcd

import libcst as cst

from archcheck.suggestions.edits import Change, Edit, Site, Value, argument_places
from archcheck.suggestions.sites import is_literal

_DEFAULTS = {"dilation": 1, "padding": 0, "stride": 1}
_KEPT = ("groups",)
"""What has no use halfway."""


class Ladder:
    """The edits on the way to one, in equal steps of all numbers that it changes.

    Attributes:
        steps: how many there are; 1 if nothing lies between.
    """

    def __init__(self, edit: Edit) -> None:
        self._edit = edit
        self._before: dict[tuple[Site, str], int] = {}
        for site, change in edit.items():
            for name, value in change.arguments:
                old = None if change.callee else _before(site, name)
                if name not in _KEPT and type(value) is int and old not in (None, value):
                    assert old is not None
                    self._before[site, name] = old
        changes = [
            abs(self._value(key) - old) // (2 if key[1] == "kernel_size" else 1)
            for key, old in self._before.items()
        ]
        self.steps = reduce(gcd, changes, 0) or 1  # kernels stay odd, or even

    def _value(self, key: tuple[Site, str]) -> int:
        value = dict(self._edit[key[0]].arguments)[key[1]]
        assert isinstance(value, int)
        return value

    def at(self, step: int) -> dict[Site, Change]:
        """The edit after so many of the steps."""
        return {site: self._changed(site, change, step) for site, change in self._edit.items()}

    def _changed(self, site: Site, change: Change, step: int) -> Change:
        def value(name: str, whole: Value) -> Value:
            old = self._before.get((site, name))
            if old is None or not isinstance(whole, int):
                return whole
            return old + (whole - old) * step // self.steps

        arguments = tuple((name, value(name, whole)) for name, whole in change.arguments)
        return Change(arguments, change.callee, change.afresh)


def _before(site: Site, name: str) -> int | None:
    """What a place is set to as it is; None if that is not one number that stands there."""
    node = site.node
    if isinstance(node, cst.Call):
        places = argument_places(node.args, site.names)
        if name not in places:
            return _DEFAULTS.get(name)
        node = node.args[places[name]].value
    if isinstance(node, cst.Integer) and is_literal(node):
        return int(node.evaluated_value)
    return None
