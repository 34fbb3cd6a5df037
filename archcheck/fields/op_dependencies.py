"""What the units of one operation read of each operand, derived from its handler.

A handler carries any map along. From a map that numbers the operand's own units it returns the
units that the operation reads. So one handler serves both walks: forwards for whole maps and
backwards for single units.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product
from math import prod
from operator import or_
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from archcheck.fields.algebra.field_map import FieldMap, NotModelledError
from archcheck.fields.algebra.joint_axes import (
    Sizes,
    bounded,
    identity,
    is_joint,
    taken_apart,
    together,
)
from archcheck.fields.algebra.positions import EMPTY, Positions
from archcheck.fields.algebra.region import Box, canonical
from archcheck.fields.algebra.table import Table, union
from archcheck.fields.algebra.track import Track
from archcheck.fields.forward import outcome
from archcheck.fields.handlers import Context, Reading, Result
from archcheck.fields.handlers.pointwise import joining
from archcheck.fields.handlers.unfolding import fold_taps
from archcheck.network import Network, Op, Tensor

MOST_UNITS = 1 << 18
"""The most units that are followed one by one, where several axes depend on each other."""


@dataclass(frozen=True)
class OperandUnits:
    """What the units of a tensor read of one operand, as a product over the operand's factors.

    ``tables`` has one table for each factor of the operand's index, over the factors of the
    result's; ``same`` is true where the table is the index itself. ``joins`` says that a whole axis
    of the image is read, even by units outside of it. ``moved`` says that only part of one factor
    of the result reads the operand: the factor, the start and the length of that part. ``sizes``
    says which factors share a table that numbers the units of all of them.
    """

    tensor: int
    tables: tuple[Table, ...]
    same: tuple[bool, ...]
    joins: bool = False
    moved: tuple[int, int, int] | None = None
    sizes: Sizes = ()

    def read_by(self, box: Box) -> tuple[Box, ...]:
        """The operand's units that a box of the result's units reads.

        Raises:
            NotModelledError: if there are too many to follow one by one.
        """
        if self.moved is not None:
            factor, start, length = self.moved
            left = (box[factor] + -start).within(length)
            if not left:
                return ()
            box = (*box[:factor], left, *box[factor + 1 :])
        parts = [self._together(tables, factors, box) for tables, factors in self._components()]
        boxes = []
        for choice in product(*parts):
            sets: dict[int, Positions] = {}
            for part in choice:
                sets |= part
            boxes.append(tuple(sets[t] for t in range(len(self.tables))))
        if self.sizes:
            boxes = [whole for sets in boxes for whole in taken_apart(sets, self.sizes)]
        return canonical(boxes)

    def _components(self) -> list[tuple[list[int], list[int]]]:
        """Groups of tables and factors of the result that depend on each other."""
        components: list[tuple[list[int], list[int]]] = []
        for number, table in enumerate(self.tables):
            factors = [f for f in range(table.values.ndim) if table.varies(f)]
            tables = [number]
            for other in [c for c in components if set(c[1]) & set(factors)]:
                components.remove(other)
                tables, factors = other[0] + tables, sorted({*other[1], *factors})
            components.append((tables, factors))
        return components

    def _together(
        self, tables: list[int], factors: list[int], box: Box
    ) -> list[dict[int, Positions]]:
        if len(tables) == 1 and self.same[tables[0]]:
            return [{tables[0]: box[tables[0]]}]
        if len(tables) == 1 and len(factors) == 1:
            only = _along(self.tables[tables[0]], factors[0], box[factors[0]])
            return [{tables[0]: only}] if only else []
        if prod(box[factor].count for factor in factors) > MOST_UNITS:
            raise NotModelledError("a reshape of too many units")
        alike: dict[tuple[Positions, ...], Positions] = {}
        for index in product(*(box[factor].members() for factor in factors)):
            place = dict(zip(factors, index, strict=True))
            first, *rest = (entry(self.tables[number], place) for number in tables)
            alike[tuple(rest)] = alike.get(tuple(rest), EMPTY) | first
        boxes = canonical((first, *rest) for rest, first in alike.items())
        return [dict(zip(tables, sets, strict=True)) for sets in boxes]


def entry(table: Table, place: dict[int, int]) -> Positions:
    """A table's entry for one index, given by the factors along which the table varies."""
    shift = 0
    index = []
    for factor, period in enumerate(table.values.shape):
        turn, phase = divmod(place.get(factor, 0), period) if table.varies(factor) else (0, 0)
        shift += turn * table.steps[factor]
        index.append(phase)
    positions: Positions = table.values[tuple(index)]
    return positions + shift


def _along(table: Table, factor: int, positions: Positions) -> Positions:
    """The union of a table's entries along the one factor on which it varies."""
    values, step = table.values.reshape(-1), table.steps[factor]
    period = len(values)
    if not step:
        return reduce(or_, (values[i] for i in positions.members()), EMPTY)
    united = EMPTY
    for i in positions.members():
        turn, phase = divmod(i, period)
        united = united | (values[phase] + turn * step)
    return united


@dataclass(frozen=True)
class OutputUnits:
    """One output of an operation: the structure of its index, and what its units read."""

    structure: FieldMap
    operands: tuple[OperandUnits, ...]


def output_units(
    network: Network, op: Op, structures: Mapping[int, FieldMap | None], reading: Reading
) -> list[OutputUnits | NotModelledError | None]:
    """What the units of every output of an operation read of the operands.

    ``structures`` are the operands' maps without tracks, None for a constant. For an output that
    is not known, the list has the reason.

    Raises:
        NotModelledError: if the operation is not modelled.
    """
    concatenated = _concatenation(network, op, structures)
    if concatenated is not None:
        return [concatenated]
    network, op, names = _named_apart(network, op)
    operands = {t: m for t in op.inputs if (m := structures.get(names.get(t, t))) is not None}
    numbered = _numbered(op, operands)
    maps_of_inputs = {tensor: numbered.get(tensor) and numbered[tensor].map for tensor in op.inputs}
    outputs: list[OutputUnits | NotModelledError | None] = []
    for results in _alternatives(network, op, maps_of_inputs, reading):
        outputs += [None] * (len(results) - len(outputs))
        for index, result in enumerate(results):
            outputs[index] = _extended(outputs[index], result, numbered, names)
    return outputs


class _Numbered(NamedTuple):
    """A map that numbers its own units: by ``tables``, from the track ``first`` on."""

    map: FieldMap
    structure: FieldMap
    first: int
    tables: tuple[Table, ...]
    sizes: Sizes


def _numbered(op: Op, operands: Mapping[int, FieldMap]) -> dict[int, _Numbered]:
    """The operands of an operation, each numbered on tracks of its own."""
    total = sum(len(m.factors) for m in operands.values())  # at most
    joint = is_joint(op, operands.values())
    numbered = {}
    first = 0
    for tensor, structure in operands.items():
        m, tables = structure, identity(structure.factors)
        sizes: Sizes = ()
        if joint and max(m.groups, default=0) > 1:
            m = bounded(m)
            sizes, tables = together(m)
        tracks = [Track(Table.constant(EMPTY, len(m.factors)))] * total
        tracks[first : first + len(tables)] = map(Track, tables)
        m = replace(m, tracks=tuple(tracks))
        numbered[tensor] = _Numbered(m, structure, first, tables, sizes)
        first += len(tables)
    return numbered


def _extended(
    output: OutputUnits | NotModelledError | None,
    result: Result,
    numbered: Mapping[int, _Numbered],
    names: Mapping[int, int],
) -> OutputUnits | NotModelledError | None:
    """An output with what it reads according to one more map of it."""
    if result is None or isinstance(output, NotModelledError):
        return output
    if isinstance(result, NotModelledError):
        return result
    m = result.within_borders()
    operands = list(output.operands) if output else []
    for tensor, operand in numbered.items():
        tracks = m.tracks[operand.first : operand.first + len(operand.tables)]
        name = names.get(tensor, tensor)
        if operand.sizes:
            operands += _joint_operand(name, tracks, operand.structure, operand.sizes)
        else:
            operands += _single_operand(name, tracks, operand.tables)
    return OutputUnits(replace(m, tracks=()), tuple(operands))


def _alternatives(
    network: Network, op: Op, operands: dict[int, FieldMap | None], reading: Reading
) -> list[Sequence[Result]]:
    """The maps of an operation's outputs; several if a single one is not a product of the axes."""
    if op.kind == "fold":
        return [[m] for m in fold_taps(Context(network, op, operands, reading))]
    maps = outcome(network, op, operands, reading)
    if isinstance(maps, str):
        raise NotModelledError(maps)
    return [maps]


def _single_operand(
    tensor: int, tracks: Sequence[Track], own: Sequence[Table]
) -> Iterator[OperandUnits]:
    """What is read according to the tracks: what moves with the unit, and what is fixed."""
    moving = [t.local if not t.local.empty or t.fixed is None else t.fixed for t in tracks]
    same = tuple(
        a.values is b.values and a.steps == b.steps for a, b in zip(moving, own, strict=True)
    )
    joins = any(m is t.fixed for m, t in zip(moving, tracks, strict=True))
    if not any(table.empty for table in moving):
        yield OperandUnits(tensor, tuple(moving), same, joins)
    # A norm reads the unit's own position and all others: two products, not one.
    both = [t.fixed is not None and not t.fixed.empty and not t.local.empty for t in tracks]
    if any(both):
        standing = [t.fixed if t.fixed is not None else t.local for t in tracks]
        yield OperandUnits(tensor, tuple(standing), (False,) * len(standing), True)


def _joint_operand(
    tensor: int, tracks: Sequence[Track], operand: FieldMap, sizes: Sizes
) -> Iterator[OperandUnits]:
    """What is read according to tracks that number several factors each."""
    tables = tuple(union(t.tables) for t in tracks)
    if any(table.empty for table in tables):
        return
    joins, at = False, 0
    for table, part in zip(tables, sizes, strict=True):
        endless = any(factor.lattice for factor in operand.factors[at : at + len(part)])
        whole, at = prod(part), at + len(part)
        joins = joins or (endless and any(p.count == whole for p in table.values.flat))
    yield OperandUnits(tensor, tables, (False,) * len(tables), joins, sizes=sizes)


def _named_apart(network: Network, op: Op) -> tuple[Network, Op, dict[int, int]]:
    """An operation that reads one tensor several times, with a number for each of them.

    ``x @ x`` reads a row of the one and a column of the other, which together are not a product.
    """
    tensors = _tensors(op.arguments)
    repeated = {tensor for tensor in tensors if tensors.count(tensor) > 1}
    if not repeated:
        return network, op, {}
    names: dict[int, int] = {}
    copies: list[Tensor] = []

    def named(value: Any) -> Any:
        if isinstance(value, dict) and "tensor" in value:
            if value["tensor"] not in repeated:
                return value
            copy = msgspec.structs.replace(
                network.tensors[value["tensor"]], id=len(network.tensors) + len(copies)
            )
            copies.append(copy)
            names[copy.id] = value["tensor"]
            return {"tensor": copy.id}
        if isinstance(value, dict):
            return {key: named(item) for key, item in value.items()}
        return [named(item) for item in value] if isinstance(value, list) else value

    arguments = named(op.arguments)
    new_op = msgspec.structs.replace(op, arguments=arguments, inputs=tuple(_tensors(arguments)))
    wider = msgspec.structs.replace(network, tensors=(*network.tensors, *copies))
    return wider, new_op, names


def _tensors(value: Any) -> list[int]:
    if isinstance(value, dict):
        if "tensor" in value:
            return [value["tensor"]]
        value = list(value.values())
    return [t for item in value for t in _tensors(item)] if isinstance(value, list) else []


def _concatenation(
    network: Network, op: Op, structures: Mapping[int, FieldMap | None]
) -> OutputUnits | None:
    """The output of a concatenation along channels, where nothing has to be rearranged.

    The handler would write out every channel of each tensor: a dense block would cost cubic time.
    """
    if op.kind != "cat":
        return None
    tensors = joining(network, _tensors(op.arguments.get("tensors")))
    operands = {t: m for t in tensors if (m := structures.get(t)) is not None}
    if not operands:
        return None
    rank = len(network.shape(op.outputs[0]))
    dimension = (op.arguments.get("dim") or 0) % rank
    first = next(iter(operands.values()))
    at = first.span(dimension).start
    for m in operands.values():
        if m.groups != first.groups or m.groups[dimension] != 1 or m.factors[at].lattice:
            return None
        rest = [
            (a, b) for f, (a, b) in enumerate(zip(m.factors, first.factors, strict=True)) if f != at
        ]
        if any(a != b for a, b in rest):
            return None
    factor = replace(first.factors[at], size=network.shape(op.outputs[0])[dimension])
    factors = (*first.factors[:at], factor, *first.factors[at + 1 :])
    dependencies, before = [], 0
    for tensor in tensors:
        length = network.shape(tensor)[dimension]
        if tensor in operands:
            tables = identity(operands[tensor].factors)
            moved = (at, before, length)
            dependencies.append(OperandUnits(tensor, tables, (True,) * len(tables), moved=moved))
        before += length
    return OutputUnits(FieldMap(factors, first.groups, ()), tuple(dependencies))
