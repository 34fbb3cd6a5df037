"""Rounds in which everything runs once, and ratios within a round, so that noise hits all alike."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Failed(Exception):
    """A contestant cannot be measured; the message says why."""


class Spread(NamedTuple):
    """The median and the quartiles."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """The median and the quartiles of at least one value."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(middle, low, high)


def interleave(
    contestants: Mapping[str, Callable[[], T]],
    rounds: int,
    *,
    warm_up: bool = True,
    log: Callable[[str], None] = lambda text: None,
) -> tuple[dict[str, list[T]], dict[str, str]]:
    """Run every contestant once a round, there and back: A B C, C B A, A B C ...

    The first round is dropped if `warm_up` is set: it writes what Python compiles and fills the
    system's file cache. A contestant that fails is dropped, with its reason, and the others go on.

    Returns:
        What each contestant measured, a value a round, and why others failed.
    """
    measured: dict[str, list[T]] = {name: [] for name in contestants}
    failed: dict[str, str] = {}
    order = list(contestants)
    for number in range(rounds + warm_up):
        kept = number >= warm_up
        log(f"round {number + 1 - warm_up} of {rounds}" if kept else "warming up")
        for name in order:
            if name in failed:
                continue
            try:
                value = contestants[name]()
            except Failed as error:
                failed[name] = str(error)
                log(f"{name} failed: {error}")
                continue
            if kept:
                measured[name].append(value)
        order.reverse()
    return {name: values for name, values in measured.items() if name not in failed}, failed


def by_round(values: Sequence[float], over: Sequence[float]) -> list[float]:
    """The ratio in each round."""
    return [value / other for value, other in zip(values, over, strict=True)]
