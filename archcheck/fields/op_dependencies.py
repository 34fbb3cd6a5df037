"""What the units of one operation read of each operand, derived from its handler.

A handler carries any map along. From a map that numbers the operand's own units it returns the
units that the operation reads. So one handler serves both walks: forwards for whole maps and
backwards for single units.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import chain, product
from math import prod
from operator import or_
from typing import Any

import msgspec
from msgspec.structs import replace

from archcheck.fields.algebra.field_map import FieldMap, NotModelledError
from archcheck.fields.algebra.joint_axes import (
    Numbering,
    Sizes,
    apart,
    as_one,
    digits,
    in_stretches,
    is_joint,
)
from archcheck.fields.algebra.positions import EMPTY, Positions
from archcheck.fields.algebra.region import Box, canonical
from archcheck.fields.algebra.table import Table
from archcheck.fields.algebra.track import Track
from archcheck.fields.forward import Map, outcome
from archcheck.fields.handlers import Context, Reading, Result
from archcheck.fields.handlers.masking import open_elements
from archcheck.fields.handlers.pointwise import joining
from archcheck.fields.handlers.unfolding import fold_taps
from archcheck.fields.handlers.windows import kernel_parts
from archcheck.fields.open_units import OpenUnits, numbered_with, open_to
from archcheck.network import Network, Op, Tensor
from archcheck.network.kinds import CONVOLUTIONS, TRANSPOSED_CONVOLUTIONS

_KERNELS = CONVOLUTIONS | TRANSPOSED_CONVOLUTIONS
MOST_UNITS = 1 << 18
"""The most units that are followed one by one, where several axes depend on each other."""


@dataclass(frozen=True)
class OperandUnits:
    """What the units of a tensor read of one operand, as a product over the operand's factors.

    ``tables`` give the numbers of the operand's units over the factors of the result; ``sizes``
    says which factors of the operand each table numbers, ``same`` is true where the numbers are
    the result's own. ``joined`` are the dimensions of the operand that are read whole, even by
    units outside of the image. ``moved`` says that only part of one factor of the result reads the
    operand: the factor, the start and the length of that part. ``open_units`` are those of the
    operand that no mask closes, if it closes any.
    """

    tensor: int
    tables: tuple[Table, ...]
    sizes: Sizes
    same: tuple[bool, ...]
    joined: tuple[int, ...] = ()
    moved: tuple[int, int, int] | None = None
    open_units: OpenUnits | None = None

    @property
    def joins(self) -> bool:
        """Whether a whole axis of the image is read."""
        return bool(self.joined)

    def joined_of(self, m: Map) -> OperandUnits:
        """The same, knowing the operand's map.

        A dimension along which the map does not vary is no axis of the image. One of length one is
        read whole by everything; that joins an axis if a pool's window has covered it.
        """
        if not isinstance(m, FieldMap):
            return dataclasses.replace(self, joined=())
        joined = [
            d for d in self.joined if m.varies_along(d) and (m.shape[d] > 1 or m.is_joined(d))
        ]
        return dataclasses.replace(self, joined=tuple(joined))

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
            sets: dict[int, Box] = {}
            for part in choice:
                sets |= part
            boxes.append(tuple(chain.from_iterable(sets[t] for t in range(len(self.tables)))))
        return canonical(boxes) if self.open_units is None else self.open_units.within(boxes)

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

    def _together(self, tables: list[int], factors: list[int], box: Box) -> list[dict[int, Box]]:
        """What some tables say of a box: sets of units of each one's factors."""
        if len(tables) == 1 and self.same[tables[0]]:
            start = sum(map(len, self.sizes[: tables[0]]))
            return [{tables[0]: box[start : start + len(self.sizes[tables[0]])]}]
        if len(tables) == 1 and len(factors) == 1:
            only = _along(self.tables[tables[0]], factors[0], box[factors[0]])
            numbers: Sequence[Box] = [(only,)] if only else []
        else:
            numbers = self._one_by_one(tables, factors, box)
        return [
            dict(zip(tables, choice, strict=True))
            for sets in numbers
            for choice in product(
                *(digits(p, self.sizes[t]) for p, t in zip(sets, tables, strict=True))
            )
        ]

    def _one_by_one(self, tables: list[int], factors: list[int], box: Box) -> Sequence[Box]:
        if prod(box[factor].count for factor in factors) > MOST_UNITS:
            raise NotModelledError("a reshape of too many units")
        alike: dict[tuple[Positions, ...], Positions] = {}
        for index in product(*(box[factor].members() for factor in factors)):
            place = dict(zip(factors, index, strict=True))
            first, *rest = (entry(self.tables[number], place) for number in tables)
            alike[tuple(rest)] = alike.get(tuple(rest), EMPTY) | first
        return canonical((first, *rest) for rest, first in alike.items())


def entry(table: Table, place: dict[int, int]) -> Positions:
    """A table's entry for one index, given by the factors along which the table varies."""
    return table.entry([place.get(factor, 0) for factor in range(table.values.ndim)])


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
    """One output of an operation: the structure of its index, and what its units read.

    ``coupled`` says that some of it may be no product of sets over the operands' factors.
    """

    structure: FieldMap
    operands: tuple[OperandUnits, ...]
    coupled: bool = False

    def opened(self, opened: Mapping[int, OpenUnits]) -> OutputUnits:
        """The same, reading only those units of some tensors that are open."""
        operands = [dataclasses.replace(o, open_units=opened.get(o.tensor)) for o in self.operands]
        return dataclasses.replace(self, operands=tuple(operands))


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
    network, op, names = named_apart(network, op)
    read = {t: m for t in op.inputs if (m := structures.get(names.get(t, t))) is not None}
    operands = {tensor: numbered_with(op, m) for tensor, m in read.items()}
    opened = {names.get(t, t): left for t, m in read.items() if (left := open_to(op, m))}
    *cheaper, last = _ways(op, operands)
    for way in cheaper:
        numbered = {tensor: way(m) for tensor, m in operands.items()}
        outputs = _outputs(network, op, numbered, names, reading)
        if not any(isinstance(output, OutputUnits) and output.coupled for output in outputs):
            return _opened(outputs, opened)
    numbered = {tensor: last(m) for tensor, m in operands.items()}
    return _opened(_outputs(network, op, numbered, names, reading), opened)


_Outputs = list["OutputUnits | NotModelledError | None"]


def _opened(outputs: _Outputs, opened: Mapping[int, OpenUnits]) -> _Outputs:
    """The outputs, which read open units alone."""
    if not opened:
        return outputs
    return [each.opened(opened) if isinstance(each, OutputUnits) else each for each in outputs]


def _ways(op: Op, operands: Mapping[int, FieldMap]) -> Sequence[Callable[[FieldMap], Numbering]]:
    """How the operands' units may be numbered, the cheapest way first."""
    if all(max(m.groups, default=0) < 2 for m in operands.values()):
        return (apart,)
    return (in_stretches, as_one) if is_joint(op, operands.values()) else (apart, as_one)


def _outputs(
    network: Network,
    op: Op,
    numbered: Mapping[int, Numbering],
    names: Mapping[int, int],
    reading: Reading,
) -> list[OutputUnits | NotModelledError | None]:
    """What the outputs read of operands whose units are numbered."""
    maps = dict.fromkeys(op.inputs) | _on_tracks_of_their_own(numbered)
    outputs: list[OutputUnits | NotModelledError | None] = []
    for results in _alternatives(network, op, maps, reading):
        outputs += [None] * (len(results) - len(outputs))
        for index, result in enumerate(results):
            outputs[index] = _extended(outputs[index], result, numbered, names)
    return outputs


def _on_tracks_of_their_own(numbered: Mapping[int, Numbering]) -> dict[int, FieldMap]:
    """Maps of the operands, each with its tables on tracks that are empty in all others.

    A single number has nothing to count; its track only tells whether it is read.
    """
    total = sum(len(numbering.tables) or 1 for numbering in numbered.values())
    maps = {}
    first = 0
    for tensor, (m, _, own, _) in numbered.items():
        tables = own or (Table.constant(Positions(0, 1), 0),)
        tracks = [Track(Table.constant(EMPTY, len(m.factors)))] * total
        tracks[first : first + len(tables)] = map(Track, tables)
        maps[tensor] = replace(m, tracks=tuple(tracks))
        first += len(tables)
    return maps


def _extended(
    output: OutputUnits | NotModelledError | None,
    result: Result,
    numbered: Mapping[int, Numbering],
    names: Mapping[int, int],
) -> OutputUnits | NotModelledError | None:
    """An output with what it reads according to one more map of it."""
    if result is None or isinstance(output, NotModelledError):
        return output
    if isinstance(result, NotModelledError):
        return result
    m = result.within_borders()
    operands = list(output.operands) if output else []
    coupled, first = output is not None and output.coupled, 0
    for tensor, numbering in numbered.items():
        tracks = m.tracks[first : first + (len(numbering.tables) or 1)]
        first += len(tracks)
        if not numbering.tables:
            if any(not table.empty for table in tracks[0].tables):
                operands.append(OperandUnits(names.get(tensor, tensor), (), (), (), ()))
            continue
        for tables, joined in _products(tracks, numbering):
            operands.append(_operand(names.get(tensor, tensor), numbering, tables, joined))
            coupled = coupled or _depend_on_each_other(tables, numbering)
    return OutputUnits(replace(m, tracks=()), tuple(operands), coupled)


def _alternatives(
    network: Network, op: Op, operands: dict[int, FieldMap | None], reading: Reading
) -> list[Sequence[Result]]:
    """The maps of an operation's outputs; several if a single one is not a product of the axes."""
    context = Context(network, op, operands, reading)
    if op.kind == "fold":
        return [[m] for m in fold_taps(context)]
    if op.kind in _KERNELS and open_elements(context, context.op.arguments["weight"]) is not None:
        return [[m] for m in kernel_parts(context, numbered=True)]
    maps = outcome(network, op, operands, reading)
    if isinstance(maps, str):
        raise NotModelledError(maps)
    return [maps]


def _products(
    tracks: Sequence[Track], numbering: Numbering
) -> Iterator[tuple[tuple[Table, ...], tuple[int, ...]]]:
    """What is read according to the tracks, and which dimensions whole.

    A norm reads the unit's own position and all others: two products, not one.
    """
    moving = tuple(t.local if not t.local.empty or t.fixed is None else t.fixed for t in tracks)
    if not any(table.empty for table in moving):
        yield moving, _read_whole(moving, tracks, numbering)
    if any(t.fixed is not None and not t.fixed.empty and not t.local.empty for t in tracks):
        standing = tuple(t.fixed if t.fixed is not None else t.local for t in tracks)
        yield standing, _read_whole(standing, tracks, numbering)


def _read_whole(
    tables: Sequence[Table], tracks: Sequence[Track], numbering: Numbering
) -> tuple[int, ...]:
    """The dimensions that are read whole: joined, or of length one and read by all units."""
    shape = numbering.map.shape
    return tuple(
        dimension
        for dimension, own, table, track in zip(
            numbering.dimensions, numbering.tables, tables, tracks, strict=True
        )
        if (track.joined_by is not None and table is track.fixed)
        or (shape[dimension] == 1 and own.moves() and not table.moves())
    )


def _operand(
    tensor: int, numbering: Numbering, tables: tuple[Table, ...], joined: tuple[int, ...]
) -> OperandUnits:
    same = tuple(
        a.values is b.values and a.steps == b.steps
        for a, b in zip(tables, numbering.tables, strict=True)
    )
    return OperandUnits(tensor, tables, numbering.sizes, same, joined)


def _depend_on_each_other(tables: Sequence[Table], numbering: Numbering) -> bool:
    """Whether several tables of one dimension give sets that may be no product.

    Those of a window are none: of a dimension of two factors it may read the last position of one
    row and the first one of the next.
    """
    if max(numbering.map.groups, default=0) < 2:
        return False
    several: dict[int, list[bool]] = {}
    for table, sizes, dimension in zip(tables, numbering.sizes, numbering.dimensions, strict=True):
        counts = {positions.count for positions in table.values.flat}
        if max(counts, default=0) > 1:
            whole = counts == {prod(sizes)} and not any(table.steps)
            several.setdefault(dimension, []).append(whole)
    return any(len(sets) > 1 and not all(sets) for sets in several.values())


def named_apart(network: Network, op: Op) -> tuple[Network, Op, dict[int, int]]:
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
            _, sizes, tables, _ = apart(operands[tensor])
            same = (True,) * len(tables)
            moved = (at, before, length)
            left = open_to(op, operands[tensor])
            dependencies.append(
                OperandUnits(tensor, tables, sizes, same, moved=moved, open_units=left)
            )
        before += length
    return OutputUnits(FieldMap(factors, first.groups, ()), tuple(dependencies))
