"""What a repair is, and what repairs look at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

from archcheck.fields import ReceptiveField, UnknownField
from archcheck.network import Network, Op, kinds
from archcheck.network.attributes import attributes
from archcheck.rules import Subject
from archcheck.suggestions.edits import Value

WINDOWS = kinds.CONVOLUTIONS | kinds.FIXED_POOLS


@dataclass(frozen=True)
class Setting:
    """What is set of one operation: its arguments by name, as in
    :class:`archcheck.suggestions.edits.Change`. ``swapped`` is the path of the module that its
    layer changes places with."""

    arguments: tuple[tuple[str, Value], ...]
    callee: str = ""
    afresh: bool = False
    swapped: str = ""

    @classmethod
    def of(cls, **arguments: Value) -> Setting:
        """The setting of some arguments."""
        return cls(tuple(arguments.items()))


Repair = Mapping[int, Setting]
"""Settings by the index of their operation."""


class View:
    """A network as repairs look at it."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.subject = Subject(network)
        self._attributes: dict[int, dict[str, Any]] = {}

    @cached_property
    def field(self) -> ReceptiveField:
        """The fields in the first input that has positions."""
        for number in range(len(self.network.inputs)):
            field = self.subject.fields(input_index=number)
            if field.sides:
                return field
        return self.subject.fields()

    def of(self, op: Op) -> dict[str, Any]:
        """The attributes of an operation."""
        if op.index not in self._attributes:
            self._attributes[op.index] = attributes(self.network, op)
        return self._attributes[op.index]

    @cached_property
    def windows(self) -> list[Op]:
        """The convolutions and pools with a window that an output depends on."""
        return [op for op in self._reaching if op.kind in WINDOWS]

    @cached_property
    def convolutions(self) -> list[Op]:
        """The convolutions that an output depends on."""
        return [op for op in self._reaching if op.kind in kinds.CONVOLUTIONS]

    @cached_property
    def _reaching(self) -> list[Op]:
        reach, network = self.subject.reach, self.network
        return [op for op in network.ops if network.depends(op) and reach.possible(op)]

    def of_kinds(self, some: Iterable[str]) -> list[Op]:
        """The operations of some kinds that an output depends on."""
        return [op for op in self._reaching if op.kind in some]

    def sides(self, op: Op) -> tuple[int, ...]:
        """The lengths of the map's axes that a window moves over."""
        return self.network.shape(op.inputs[0])[-len(self.of(op)["kernel_size"]) :]

    def jumps(self, op: Op) -> tuple[Fraction | int | None, ...]:
        """How far the field moves with each axis of the map in front of an operation; none where
        that is not known, or the axes are others."""
        try:
            jumps = self.field.tensor(op.inputs[0]).jump
        except UnknownField:
            return ()
        return jumps if len(jumps) == len(self.of(op)["kernel_size"]) else ()

    def leading_to(self, tensors: Sequence[int]) -> set[int]:
        """The indices of the operations that some tensors depend on."""
        found: set[int] = set()
        waiting = list(tensors)
        while waiting:
            op = self.network.producer(waiting.pop())
            if op is not None and op.index not in found:
                found.add(op.index)
                waiting.extend(op.inputs)
        return found


def one_for_all(values: Sequence[int]) -> Value:
    """A number for every axis, as one where they are the same."""
    return values[0] if len(set(values)) == 1 else tuple(values)


def padded(padding: Any, more: Sequence[int]) -> dict[str, Value]:
    """The padding with more of it, as arguments; none where it is named."""
    if isinstance(padding, str) or not any(more):
        return {}
    return {"padding": one_for_all([max(p + m, 0) for p, m in zip(padding, more, strict=True)])}


def together(repairs: Sequence[Repair], count: int) -> Iterator[Repair]:
    """Repairs of single operations, as many at once as are needed: those in a row first."""
    for first in range(len(repairs) - count + 1):
        yield {k: v for repair in repairs[first : first + count] for k, v in repair.items()}
