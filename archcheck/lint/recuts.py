"""Reshapes by their sizes alone: which axes they cut across, and what that looks like."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, combinations
from math import prod

Sizes = tuple[int, ...]


def recuts(source: Sequence[int], target: Sequence[int]) -> Iterator[tuple[Sizes, Sizes]]:
    """The shortest stretches of axes on both sides that hold the same elements, where neither is
    one axis: their borders lie across each other. Axes of length one are left out.

    >>> list(recuts((1, 64, 7, 7), (1, 49, 64)))
    [((64, 7, 7), (49, 64))]
    >>> list(recuts((8, 96, 28, 28), (8, 4, 24, 784)))
    []
    """
    before = [size for size in source if size != 1]
    after = [size for size in target if size != 1]
    while before and after:
        left, right = 1, 1
        while prod(before[:left]) != prod(after[:right]):
            if prod(before[:left]) < prod(after[:right]):
                left += 1
            else:
                right += 1
        if left > 1 and right > 1:
            yield tuple(before[:left]), tuple(after[:right])
        del before[:left], after[:right]


def is_exchange(source: Sizes, target: Sizes) -> bool:
    """Whether sizes are those that axes have in another order: each is a whole axis, several whole
    axes together, or one of the parts of an axis.

    >>> is_exchange((64, 7, 7), (49, 64)), is_exchange((96, 64), (8, 96, 8))
    (True, True)
    >>> is_exchange((96, 64), (48, 128))
    False
    """
    if not source:
        return not target
    first, rest = source[0], source[1:]
    for parts in _choices(target):
        whole = prod(target[at] for at in parts)
        if whole == first and is_exchange(rest, _without(target, parts)):
            return True
    for others in _choices(rest):
        whole = first * prod(rest[at] for at in others)
        if whole in target and is_exchange(
            _without(rest, others), _without(target, (target.index(whole),))
        ):
            return True
    return False


def _choices(sizes: Sizes) -> Iterator[tuple[int, ...]]:
    """Any places among some sizes, one at least."""
    places = range(len(sizes))
    yield from chain.from_iterable(combinations(places, count + 1) for count in places)


def _without(sizes: Sizes, places: tuple[int, ...]) -> Sizes:
    return tuple(size for at, size in enumerate(sizes) if at not in places)
