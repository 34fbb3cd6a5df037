"""Phrases that messages and reports share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


def shape_text(sides: Iterable[object]) -> str:
    """The shape of a tensor: ``3×32×32``."""
    return "×".join(map(str, sides)) or "one number"


def size_text(sides: Iterable[object]) -> str:
    """The size of a receptive field: ``45 × 45``."""
    return " × ".join(map(str, sides))


def per_axis(values: Sequence[object]) -> str:
    """A value that each axis has: ``2`` where all agree, else ``2×1``."""
    return shape_text(values[:1] if len(set(values)) == 1 else values)


def in_order(name: str) -> list[tuple[int, str]]:
    """A key to sort names by, numbers in them by their value: ``c2`` before ``c10``."""
    return [(int(p), "") if p.isdecimal() else (-1, p) for p in re.split(r"(\d+)", name) if p]


def by_name(name: object) -> tuple[list[tuple[int, str]], str]:
    """A key to list files and networks by, as :func:`in_order`; no two names share one."""
    return in_order(str(name)), str(name)


def some_of(names: Sequence[object], most: int) -> str:
    """The first few of some names: ``conv1, conv2 and 5 more``."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(str, names[:most])) + more


def how_many(number: int, noun: str, plural: str = "") -> str:
    """A number of things: ``1 rule``, ``2 rules``."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"
