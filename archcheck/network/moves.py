"""Rearrangements of all elements of a value, and which of them undo each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from archcheck.network.model import Network, Op

RESHAPES = frozenset("view reshape flatten unflatten squeeze unsqueeze view_as reshape_as".split())
"""The kinds that give the elements another shape, in the same order."""
TRANSPOSES = frozenset("permute transpose t T mT".split())
"""The kinds that give the axes another order."""
_FLIPS = {"flip": None, "fliplr": (1,), "flipud": (0,)}
Move = tuple[str, tuple[Any, ...]]
"""A sort of rearrangement, and its parameters."""


def moved(network: Network, op: Op, before: tuple[Move, ...]) -> tuple[Move, ...] | None:
    """The rearrangements behind a value, with one more; those that undo each other are left out.

    None if the operation is no rearrangement of all elements.
    """
    move = _move(op, network.shape(op.inputs[0])) if len(op.inputs) == 1 else None
    if move is None:
        return None
    if not before or before[-1][0] != move[0]:
        return (*before, move)
    one = _MERGED[move[0]](before[-1][1], move[1])
    if _is_nothing(move[0], one, network.shape(op.outputs[0])):
        return before[:-1]
    return (*before[:-1], (move[0], one))


def _move(op: Op, shape: Sequence[int]) -> Move | None:
    rank = len(shape)
    if op.kind in RESHAPES:
        return "reshape", tuple(shape)
    if op.kind in TRANSPOSES:
        order = axes_in_order(op, rank)
        return None if order is None else ("order", order)
    if op.kind in _FLIPS:
        dims = _FLIPS[op.kind] or _dims(op.arguments.get("dims"), rank)
        return None if dims is None else ("flip", tuple(sorted(dims)))
    if op.kind == "roll":
        dims, by = _dims(op.arguments.get("dims"), rank), op.arguments.get("shifts")
        shifts = [by] if isinstance(by, int) else by
        if dims is None or not isinstance(shifts, list) or len(shifts) != len(dims):
            return None
        total = [sum(s for s, d in zip(shifts, dims, strict=True) if d == at) for at in range(rank)]
        return "roll", tuple(total)
    return None


def axes_in_order(op: Op, rank: int) -> tuple[int, ...] | None:
    """The axes of what a transpose reads, as they stand in its result; None if it says none."""
    if op.kind == "permute":
        return _dims(op.arguments.get("dims"), rank)
    order = list(range(rank))
    if op.kind in ("t", "T"):
        return tuple(order[::-1])
    pair = (-2, -1) if op.kind == "mT" else [op.arguments.get(name) for name in ("dim0", "dim1")]
    swapped = _dims(list(pair), rank)
    if swapped is None or rank < 2:
        return None
    first, second = swapped
    order[first], order[second] = order[second], order[first]
    return tuple(order)


def _dims(dims: Any, rank: int) -> tuple[int, ...] | None:
    given = [dims] if isinstance(dims, int) else dims
    if not isinstance(given, list) or not all(isinstance(d, int) for d in given):
        return None
    return tuple(d % max(rank, 1) for d in given)


_MERGED: dict[str, Callable[[tuple[Any, ...], tuple[Any, ...]], tuple[Any, ...]]] = {
    "reshape": lambda first, _: first,
    "order": lambda first, second: tuple(first[d] for d in second),
    "flip": lambda first, second: tuple(sorted(set(first) ^ set(second))),
    "roll": lambda first, second: tuple(a + b for a, b in zip(first, second, strict=True)),
}
"""Two rearrangements of one sort as one."""


def _is_nothing(sort: str, parameters: tuple[Any, ...], shape: Sequence[int]) -> bool:
    if sort == "reshape":
        return parameters == tuple(shape)
    if sort == "order":
        return list(parameters) == sorted(parameters)
    if sort == "flip":
        return not parameters
    return not any(by % max(size, 1) for by, size in zip(parameters, shape, strict=True))
