"""How an operation treats the positions of a map: what its operands see, and whence they come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod

from msgspec.structs import replace

from archcheck.fields.algebra.field_map import FieldMap
from archcheck.fields.algebra.positions import Positions
from archcheck.fields.forward import ForwardWalk, UnknownMap
from archcheck.fields.handlers import Reading
from archcheck.network import Network, Op, kinds
from archcheck.network.equations import explicit
from archcheck.network.graph import data_inputs
from archcheck.network.operands import values_read
from archcheck.rules.base import Subject

MOVES = kinds.VIEWS | kinds.COPIES | kinds.PADDING | kinds.JOINS | kinds.WINDOW_VIEWS
"""The kinds that only move values."""
_PLAIN = MOVES | kinds.ELEMENTWISE | kinds.DROPOUTS | kinds.RESAMPLING
"""The kinds that join no positions by weights."""
_SPARSE = kinds.WRITES | frozenset("masked_fill where pad kron cat stack interpolate".split())
"""The kinds that can leave zeros between the weights of a kernel."""
MOST_COMPARED = 1 << 16
"""The most fields of a map that are compared one by one."""


@dataclass(frozen=True)
class Found:
    """The operations that do what a layer does, and those of which it cannot be excluded."""

    certain: tuple[Op, ...]
    doubtful: tuple[Op, ...]


def sorted_out(answers: Iterable[tuple[Op, bool | None]]) -> Found:
    """What was found, from an answer for each operation; None if it cannot be excluded."""
    certain, doubtful = [], []
    for op, answer in answers:
        if answer is None:
            doubtful.append(op)
        elif answer:
            certain.append(op)
    return Found(tuple(certain), tuple(doubtful))


def reading_the_input(network: Network) -> Iterator[Op]:
    """The operations that read a value of the input and give one."""
    for op in network.ops:
        if op.outputs and not network.driven.isdisjoint(op.inputs):
            yield op


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
    """Whether the units of a tensor stand for different positions, along some dimensions or
    anywhere; None if it is not known."""
    maps = known_maps(subject, tensor)
    if maps is None:
        return None
    return any(_varies(m, range(len(m.groups)) if dims is None else dims) for m in maps)


def varies_behind(subject: Subject, tensor: int, dims: Sequence[int]) -> bool | None:
    """The same, also of the positions of what the tensor was made of by moving values: those of one
    position of the input, as an upsampling convolution makes them, among them."""
    seen = varies(subject, tensor, dims)
    made_of, passed = sources(subject.network, tensor)
    if seen is not False or not any(_rearranges(subject.network, op) for op in passed):
        return seen
    for source in made_of:
        walk = walk_from(subject, source, {op.index for op in passed})
        m = None if walk is None else walk.map(tensor)
        if not isinstance(m, FieldMap):
            return None
        if _varies(m, dims):
            return True
    return False


def varies_everywhere(subject: Subject, tensor: int, dims: Iterable[int]) -> bool:
    """Whether all that lies along some dimensions are positions, and no channel is among them."""
    factors = [
        _is_position(m, factor)
        for m in known_maps(subject, tensor) or ()
        for d in dims
        for factor in _factors(m, d)
        if m.factors[factor].size > 1
    ]
    return bool(factors) and all(factors)


def _varies(m: FieldMap, dims: Iterable[int]) -> bool:
    return any(_is_position(m, factor) for d in dims for factor in _factors(m, d))


def _is_position(m: FieldMap, factor: int) -> bool:
    """Whether units along a factor stand for different positions. Where all were joined before they
    see the same, and stand for positions all the same."""
    return m.factors[factor].size > 1 and (m.varies(factor) or m.factors[factor].spatial)


def _factors(m: FieldMap, dimension: int) -> range:
    span = m.span(dimension % len(m.groups))
    return range(span.start, span.stop)


def may_hide_positions(subject: Subject, tensor: int, dims: Iterable[int]) -> bool:
    """Whether dimensions along which all units see the same may be positions nevertheless.

    All of them were joined before, as by a linear layer whose result is viewed as a map; or
    channels were put between positions, as by a pixel shuffle.
    """
    network = subject.network
    shape = network.shape(tensor)
    along = {dim for dim in dims if shape[dim] > 1}
    made_of, passed = sources(network, tensor)
    if along and any(_mixes(subject, op.outputs[0]) for op in passed):
        return True
    if not along or not _joined_before(subject, tensor):
        return False
    if any(_rearranges(network, op) for op in passed):
        return True
    makers = [network.producer(each) for each in made_of]
    if along == {len(shape) - 1} and all(op and op.kind in kinds.LINEAR for op in makers):
        return False
    return len(shape) != 2 and (along != {1} or len(shape) < 4)


def _mixes(subject: Subject, tensor: int) -> bool:
    """Whether a dimension of a tensor holds positions and channels."""
    for m in known_maps(subject, tensor) or ():
        for d in range(len(m.groups)):
            several = [factor for factor in _factors(m, d) if m.factors[factor].size > 1]
            if len({_is_position(m, factor) for factor in several}) > 1:
                return True
    return False


def _joined_before(subject: Subject, tensor: int) -> bool:
    maps = known_maps(subject, tensor) or ()
    tracks = [track for m in maps for track in m.tracks]
    return not tracks or any(track.joined_by is not None for track in tracks)


def _rearranges(network: Network, op: Op) -> bool:
    """Whether an operation may put positions in the place of others, or of channels."""
    sizes = [network.shape(each)[1:] for each in (op.inputs[0], op.outputs[0])]
    several = any(sum(size > 1 for size in shape) > 1 for shape in sizes)
    return op.kind in MOVES - kinds.COPIES and several


def aligned(subject: Subject, tensors: Sequence[int]) -> bool | None:
    """Whether the units at one place of several tensors look at one centre; None if not known."""
    network = subject.network
    known = [known_maps(subject, tensor) for tensor in tensors]
    if any(maps is None or any(map(_too_large, maps)) for maps in known):
        return None
    centres = [tuple(_centres(m) for m in maps) for maps in known if maps]
    if not _comparable(centres):
        return None
    if any(each != centres[0] for each in centres):
        return False
    across = [tuple(_moving_across(m) for m in maps) for maps in known if maps]
    if any(each != across[0] for each in across):
        return None
    passed = [op for tensor in tensors for op in sources(network, tensor)[1]]
    if not any(_rearranges(network, op) for op in passed):
        return True
    # Neighbours that see the same of the input may have been made of one position.
    for source in {each for tensor in tensors for each in sources(network, tensor)[0]}:
        walk = walk_from(subject, source, {op.index for op in passed})
        maps = [None if walk is None else walk.map(tensor) for tensor in tensors]
        if walk is None or any(isinstance(m, UnknownMap) for m in maps):
            return None
        sets = [_moving_sets(m) for m in maps if isinstance(m, FieldMap)]
        if any(each != sets[0] for each in sets):
            return False
    return None if any(_joined_before(subject, tensor) for tensor in tensors) else True


def _too_large(m: FieldMap) -> bool:
    """Whether a map has more different fields than are compared one by one."""
    sizes = (table.values.size for track in m.tracks for table in track.tables)
    return sum(sizes) > MOST_COMPARED


_Moving = tuple[tuple[tuple[int, int, int], ...], tuple[Positions, ...]]


def _moving_sets(m: FieldMap) -> tuple[_Moving, ...]:
    """For each axis: along which factors of which dimensions the fields move, and how far they do
    when they repeat; and the sets that move."""
    factors = [
        (d - len(m.groups), place)
        for d in range(len(m.groups))
        for place, _ in enumerate(_factors(m, d))
    ]
    return tuple(
        (
            tuple(
                (*factor, track.local.steps[number])
                for number, factor in enumerate(factors)
                if track.local.varies(number)
            ),
            tuple(track.local.values.flat),
        )
        for track in m.tracks
    )


def _moving_across(m: FieldMap) -> tuple[tuple[Positions, ...], ...]:
    """For each axis the sets that move along another one, as behind an exchange of both."""
    factors = range(len(m.factors))
    tables = [track.fixed for track in m.tracks]
    return tuple(
        tuple(table.values.flat) if table is not None and any(map(table.varies, factors)) else ()
        for table in tables
    )


_Centres = tuple[tuple[tuple[tuple[int, int, int], ...], tuple[int | None, ...]], ...]


def _centres(m: FieldMap) -> _Centres:
    """The same with twice the centre of each set in its place."""
    return tuple(
        (moves, tuple(None if each.hull is None else sum(each.hull) for each in sets))
        for moves, sets in _moving_sets(m)
    )


def _comparable(centres: Sequence[tuple[_Centres, ...]]) -> bool:
    """Whether the tables of several maps have entries for the same units."""
    layouts = {
        tuple(tuple((axis[0], len(axis[1])) for axis in m) for m in maps) for maps in centres
    }
    return len(layouts) <= 1


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


def walk_from(subject: Subject, source: int, kept: set[int]) -> ForwardWalk | None:
    """The fields in one of a network's values, behind some operations alone; None if it is not
    known which of its dimensions are space."""
    network = subject.network
    maps = known_maps(subject, source)
    if maps is None:
        return None
    spatial = {m.spatial_dimensions() for m in maps}
    if len(spatial) != 1 or any(m.groups[d] > 1 for m in maps for d in m.spatial_dimensions()):
        return None
    ops = [op if op.index in kept else replace(op, inputs=(), outputs=()) for op in network.ops]
    behind = replace(network, inputs=(source,), given=(), ops=tuple(ops))
    return ForwardWalk(behind, Reading(True, False), spatial=spatial.pop())


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
        all(root.is_weight for root in origins)
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
