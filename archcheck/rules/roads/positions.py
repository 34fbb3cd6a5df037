"""How an operation treats the positions of a map: what its operands see, and whence they come."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from archcheck.fields import UnknownField
from archcheck.fields.algebra.field_map import FieldMap
from archcheck.fields.forward import UnknownMap
from archcheck.network import Network, Op, kinds
from archcheck.network.equations import explicit
from archcheck.network.graph import data_inputs
from archcheck.network.reach import values_read
from archcheck.rules.base import Subject

MOVES = kinds.VIEWS | kinds.COPIES | kinds.PADDING | kinds.JOINS | kinds.WINDOW_VIEWS
"""The kinds that only move values."""
_PLAIN = MOVES | kinds.ELEMENTWISE | kinds.DROPOUTS | kinds.RESAMPLING
"""The kinds that join no positions by weights."""
_SPARSE = kinds.WRITES | frozenset("masked_fill where pad kron cat stack interpolate".split())
"""The kinds that can leave zeros between the weights of a kernel."""


@dataclass(frozen=True)
class Found:
    """The operations that do what a layer does, and those of which it cannot be excluded."""

    certain: tuple[Op, ...]
    doubtful: tuple[Op, ...]


def known_maps(subject: Subject, tensor: int) -> list[FieldMap] | None:
    """The fields of a tensor in each input that leads to it; None if one is not known."""
    maps = [
        subject.fields(input_index=index).forward.map(tensor)
        for index in range(len(subject.network.inputs))
    ]
    if any(isinstance(m, UnknownMap) for m in maps):
        return None
    return [m for m in maps if isinstance(m, FieldMap)]


def varies(subject: Subject, tensor: int, dims: Iterable[int] | None = None) -> bool | None:
    """Whether the units of a tensor see different positions, along some dimensions or anywhere;
    None if it is not known."""
    maps = known_maps(subject, tensor)
    if maps is None:
        return None
    return any(_varies(m, range(len(m.groups)) if dims is None else dims) for m in maps)


def varies_everywhere(subject: Subject, tensor: int, dims: Iterable[int]) -> bool:
    """Whether all that lies along some dimensions are positions, and no channel is among them."""
    factors = [
        m.varies(factor)
        for m in known_maps(subject, tensor) or ()
        for d in dims
        for factor in _factors(m, d)
        if m.factors[factor].size > 1
    ]
    return bool(factors) and all(factors)


def _varies(m: FieldMap, dims: Iterable[int]) -> bool:
    factors = [factor for d in dims for factor in _factors(m, d)]
    return any(m.factors[factor].size > 1 and m.varies(factor) for factor in factors)


def _factors(m: FieldMap, dimension: int) -> range:
    span = m.span(dimension % len(m.groups))
    return range(span.start, span.stop)


def aligned(subject: Subject, tensors: Sequence[int]) -> bool | None:
    """Whether the units at one place of several tensors look at one centre; None if not known."""
    centres = set()
    for index in range(len(subject.network.inputs)):
        rf = subject.fields(input_index=index)
        for tensor in tensors:
            if rf.forward.map(tensor) is None:
                continue
            try:
                field = rf.tensor(tensor)
            except UnknownField:
                return None
            if None in field.start or None in field.jump:
                return None if varies(subject, tensor) is not False else True
            centres.add((index, field.start, field.jump))
    return len(centres) <= len(subject.network.inputs) and _one_each(centres)


def _one_each(centres: Iterable[tuple[Any, ...]]) -> bool:
    indices = [centre[0] for centre in centres]
    return len(indices) == len(set(indices))


def sources(network: Network, tensor: int) -> tuple[set[int], list[Op]]:
    """The values that a tensor is made of by moving them and elementwise, and those operations."""
    found, passed, waiting, seen = set[int](), list[Op](), [tensor], set[int]()
    while waiting:
        tensor = waiting.pop()
        if tensor in seen or tensor not in network.driven:
            continue
        seen.add(tensor)
        op = network.producer(tensor)
        if op is None or op.kind not in _PLAIN:
            found.add(tensor)
        else:
            passed.append(op)
            waiting += data_inputs(op)
    return found, passed


def driven(network: Network, op: Op) -> list[int]:
    """The operands of an operation that depend on an input."""
    return [tensor for tensor in dict.fromkeys(data_inputs(op)) if tensor in network.driven]


def weights(network: Network, op: Op) -> list[int]:
    """The operands of an operation that depend on no input."""
    return [tensor for tensor in dict.fromkeys(data_inputs(op)) if tensor not in network.driven]


def learned(network: Network, tensor: int) -> bool:
    """Whether the elements of a weight are parameters, each one of its own, and nothing else."""
    roots, ops = _made_of(network, tensor)
    origins = [network.tensors[root] for root in roots]
    elements = sum(prod(root.shape) for root in origins)
    return (
        all(root.origin == "parameter" for root in origins)
        and elements >= prod(network.shape(tensor))
        and not any(op.kind in _SPARSE for op in ops)
    )


def _made_of(network: Network, tensor: int) -> tuple[set[int], list[Op]]:
    roots, ops, waiting, seen = set[int](), list[Op](), [tensor], set[int]()
    while waiting:
        tensor = waiting.pop()
        if tensor in seen or prod(network.shape(tensor)) == 1:  # a number scales all of it
            continue
        seen.add(tensor)
        op = network.producer(tensor)
        read = values_read(op) if op is not None else ()
        if op is None or not read:
            roots.add(tensor)
        else:
            ops.append(op)
            waiting += read
    return roots, ops


def joins_positions(subject: Subject, op: Op) -> bool | None:
    """Whether a product or a reduction sums over positions; None if it is not known."""
    network = subject.network
    operands = driven(network, op)
    if op.kind in ("sum", "mean"):
        reduced = dimensions(op, len(network.shape(op.inputs[0])))
        return None if reduced is None else varies(subject, op.inputs[0], reduced)
    if op.kind not in kinds.MATRIX_PRODUCTS | kinds.LINEAR or len(operands) > 1:
        return None
    joined = joined_dimensions(network, op, operands[0])
    return None if joined is None else varies(subject, operands[0], joined)


def joined_dimensions(network: Network, op: Op, tensor: int) -> list[int] | None:
    """The dimensions of an operand over which a product sums; None if they are not known."""
    rank = len(network.shape(tensor))
    if op.kind == "linear":
        return [rank - 1]
    if op.kind in ("matmul", "mm", "bmm"):
        return [rank - 1 if op.inputs[0] == tensor or rank == 1 else rank - 2]
    if op.kind == "einsum":
        try:
            terms, result = explicit(
                op.arguments["equation"], [len(network.shape(each)) for each in op.inputs]
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            return None
        term = terms[op.inputs.index(tensor)]
        return [d for d, letter in enumerate(term) if letter not in result]
    return None


def dimensions(op: Op, rank: int, default: int | None = None) -> tuple[int, ...] | None:
    """The dimensions that an operation reduces, all of them by default; None where it reads another
    tensor there."""
    value = op.arguments.get("dim", default)
    if value is None or value == []:
        return tuple(range(rank))
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(each, int) for each in values):
        return None
    return tuple(each % max(rank, 1) for each in values)
