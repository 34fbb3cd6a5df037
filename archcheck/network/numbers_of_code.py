"""Numbers of Python that forward computes with: a few are code, many may be weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from archcheck.network.model import Op, Place

MOST_NUMBERS = 64
"""More numbers than these are hardly written out in code, one by one."""
_OPERANDS = frozenset("other alpha beta value exponent min max fill_value weight".split())
"""The arguments that whole numbers are computed with; elsewhere they are sizes and places."""


def numbers_of_code(ops: Iterable[Op]) -> list[tuple[Op, int]]:
    """How many numbers some operations compute with, each place with its first operation.

    A number counts wherever it is another one than at the same place before: a loop over a list of
    numbers takes as many as the list has, and the same one in every turn is one. The places with
    most come first.
    """
    taken: dict[tuple[Place | None, str, str], list[tuple[Op, float]]] = {}
    for op in ops:
        for name, number in _numbers(op):
            taken.setdefault((op.called, op.kind, name), []).append((op, number))
    counts: dict[Place | None, tuple[Op, int]] = {}
    for (place, _, _), uses in taken.items():
        runs = sum(1 for _ in groupby(number for _, number in uses))
        op, before = counts.get(place, (uses[0][0], 0))
        counts[place] = op, before + runs
    return sorted(counts.values(), key=lambda count: -count[1])


def _numbers(op: Op) -> Iterator[tuple[str, float]]:
    for name, value in op.arguments.items():
        for number in value if isinstance(value, list) else [value]:
            if _is_number(name, number):
                yield name, number


def _is_number(name: str, value: Any) -> bool:
    whole = isinstance(value, int) and not isinstance(value, bool) and name in _OPERANDS
    return whole or isinstance(value, float)
