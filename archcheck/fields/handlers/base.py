"""The table of handlers by kind of operation, and what a handler receives."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeGuard

import msgspec

from archcheck.fields.algebra.field_map import FieldMap, NotModelledError
from archcheck.network import Network, Op


@dataclass(frozen=True)
class Reading:
    """How fields are defined.

    With ``lattice`` the image is infinite (the theoretical field), without it ends at its borders
    (the actual field). With ``normalization_joins`` a norm over space counts as joining
    the positions it averages over; papers leave that out.
    """

    lattice: bool = True
    normalization_joins: bool = False


class Context(msgspec.Struct, frozen=True):
    """One operation with the maps of the tensors that it reads.

    A map is None if the tensor does not depend on the input: a weight, a constant.
    """

    network: Network
    op: Op
    maps: dict[int, FieldMap | None]
    reading: Reading

    def argument(self, name: str, default: Any = None) -> Any:
        """An argument of the call as plain data; ``default`` if it is missing or None."""
        value = self.op.arguments.get(name, default)
        return default if value is None else value

    def map(self, name: str = "input") -> FieldMap | None:
        """The map of a tensor argument; None for a constant, or if it is not a tensor."""
        value: Any = self.op.arguments.get(name)
        return self.maps.get(value["tensor"]) if is_tensor(value) else None

    def required(self, name: str = "input") -> FieldMap:
        """The map of a tensor argument that has to depend on the input.

        Raises:
            NotModelledError: if the argument is constant.
        """
        m = self.map(name)
        if m is None:
            raise NotModelledError(f"{self.op.kind} whose {name} is constant")
        return m

    def shape(self, name: str = "input") -> tuple[int, ...]:
        """The shape of a tensor argument."""
        return self.network.shape(self.op.arguments[name]["tensor"])

    @property
    def operands(self) -> list[FieldMap]:
        """The maps of all tensors read that depend on the input."""
        maps = (self.maps.get(tensor) for tensor in self.op.inputs)
        return [m for m in maps if m is not None]

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The shape of the first output."""
        return self.network.shape(self.op.outputs[0])


Result = FieldMap | NotModelledError | None
"""The map of one output; None if it does not depend on the input."""
Results = FieldMap | list[Result]
Handler = Callable[[Context], Results]
HANDLERS: dict[str, Handler] = {}
CARRIERS: set[str] = set()
"""The kinds whose handlers take maps in which masks have closed units; for all others these units
are made empty first."""


def handles(kinds: Iterable[str], *, cuts: bool = False) -> Callable[[Handler], Handler]:
    """Register a handler for some kinds of operation; with ``cuts`` it takes maps in which masks
    have closed units (:class:`~archcheck.fields.algebra.track.Cut`)."""
    names = list(kinds)

    def register(handler: Handler) -> Handler:
        for kind in names:
            HANDLERS[kind] = handler
            (CARRIERS.add if cuts else CARRIERS.discard)(kind)
        return handler

    return register


def is_tensor(value: Any) -> TypeGuard[dict[str, int]]:
    """Whether an argument is a tensor."""
    return isinstance(value, dict) and "tensor" in value


def integers(value: Any, length: int) -> list[int]:
    """A number for every axis, from one number for all or a list.

    Raises:
        NotModelledError: if it is neither.
    """
    if isinstance(value, int):
        return [value] * length
    if isinstance(value, list) and all(isinstance(item, int) for item in value):
        if len(value) == length:
            return value
        if len(value) == 1:
            return value * length
    raise NotModelledError(f"argument {value!r}")
