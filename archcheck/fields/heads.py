"""Where the head of a network begins, and the stages in front of it that join all positions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from archcheck.fields.algebra.field_map import FieldMap
from archcheck.fields.axis_field import axis_field
from archcheck.fields.forward import ForwardWalk, outcome
from archcheck.fields.handlers import Reading
from archcheck.fields.pool_runs import KEEPS_PLACES, POOLING, first_of_pools
from archcheck.network import Op, attributes
from archcheck.network.graph import Paths
from archcheck.network.kinds import (
    ADAPTIVE_POOLS,
    CONVOLUTIONS,
    FIXED_POOLS,
    TRANSPOSED_CONVOLUTIONS,
)


@dataclass(frozen=True)
class Stage:
    """A stretch of a network that joins all positions in front of layers with windows.

    A spatial transformer, say, or a Fourier transform and its inverse. ``first`` and ``last`` are
    operations, ``front`` is what the first one reads; ``passable`` says that what the last one
    gives has the same shape, so that the network could do without the stage.
    """

    first: int
    last: int
    front: int
    passable: bool


@dataclass(frozen=True)
class Head:
    """The operations that begin a head (one, or one in each of its branches) and what they read.

    ``ops`` is empty where a map is left to the end. ``stages`` are those that every path to the
    head runs through; ``pool`` is a pool that follows where a convolution or another pool has
    left a single position.
    """

    ops: tuple[Op, ...]
    maps: tuple[int, ...]
    stages: tuple[Stage, ...]
    pool: int | None = None


def find_head(paths: Paths, walk: ForwardWalk) -> Head:
    """The head of the paths from an input to an output.

    If the head has branches, each has a last map of its own: ``maps`` are those with the largest
    field.
    """
    head, joining = _first_op(paths, walk)
    stages = _stages(joining, paths, walk)
    if head is None:
        return Head((), (paths.target,), stages)
    ops = _fronts(head, paths, walk)
    pool = _pool_behind(ops[0], paths, walk) if len(ops) == 1 else None
    return Head(ops, _last_maps(ops, paths, walk), stages, pool)


def _first_op(paths: Paths, walk: ForwardWalk) -> tuple[Op | None, list[Op]]:
    """The first operation on every path after which no map is left, None if there is none.

    What joins all positions leaves no map, unless a layer with a window of its own follows: such
    operations in front of the head are the second part of the result.
    """
    joining: list[Op] = []
    flat: Op | None = None  # what has put all positions among the channels, if they still lie there
    for op in paths.cuts:
        maps = [walk.map(tensor) for tensor in op.outputs if tensor in paths.tensors]
        maps = maps or [walk.map(tensor) for tensor in op.outputs]
        field_maps = [m for m in maps if isinstance(m, FieldMap)]
        if len(field_maps) != len(maps):
            break
        mapped = any(m.sides for m in field_maps)
        if mapped and not _joins_everything(op, paths, walk):
            flat = None
        elif mapped and _window_behind(op, paths, walk):
            flat = None
            joining.append(op)
        elif not mapped and _holds_positions(field_maps) and _window_behind(op, paths, walk):
            flat = flat or op
        else:
            return first_of_pools(flat or op, paths, walk), joining
    return flat, joining


def _holds_positions(maps: Sequence[FieldMap]) -> bool:
    """Whether units differ that are not known to lie on an axis."""
    return any(f.size > 1 and m.varies(at) for m in maps for at, f in enumerate(m.factors))


def _window_behind(op: Op, paths: Paths, walk: ForwardWalk, end: int | None = None) -> bool:
    """Whether a convolution or pool behind an operation, and in front of ``end``, has a window."""
    ops = [other for other in paths.ops if op.index < other.index and other.kind in _SLIDING]
    return any(_slides(other, walk) for other in ops if end is None or other.index < end)


def _slides(op: Op, walk: ForwardWalk) -> bool:
    """Whether an operation moves a window of several positions, and leaves a map."""
    m = walk.map(op.outputs[0])
    if not isinstance(m, FieldMap) or not m.sides:
        return False
    if op.kind in ADAPTIVE_POOLS:
        return m.shape != walk.network.shape(op.inputs[0])
    kernel: tuple[int, ...] = attributes.window(walk.network, op)["kernel_size"]
    return max(kernel) > 1


def _stages(joining: Sequence[Op], paths: Paths, walk: ForwardWalk) -> tuple[Stage, ...]:
    """Operations that join all positions, in stretches without a window in between."""
    stretches: list[list[Op]] = []
    for op in joining:
        if not stretches or _window_behind(stretches[-1][-1], paths, walk, op.index):
            stretches.append([])
        stretches[-1].append(op)
    stages = []
    for first, *rest in stretches:
        last = rest[-1] if rest else first
        read, shape = paths.inputs(first), walk.network.shape(last.outputs[0])
        alike = [tensor for tensor in read if walk.network.shape(tensor) == shape]
        stages.append(Stage(first.index, last.index, (*alike, *read)[0], bool(alike)))
    return tuple(stages)


def _pool_behind(head: Op, paths: Paths, walk: ForwardWalk) -> int | None:
    """A pool behind a convolution or pool that has left one position, as an index."""
    rank = len(walk.network.shape(head.outputs[0]))
    if head.kind not in _SLIDING or _is_map(head.outputs[0], walk):
        return None
    for op in paths.cuts:
        if op.index <= head.index:
            continue
        if op.kind in POOLING and len(walk.network.shape(op.inputs[0])) == rank:
            return op.index
        if op.kind not in KEEPS_PLACES | CONVOLUTIONS:
            break
    return None


def _joins_everything(op: Op, paths: Paths, walk: ForwardWalk) -> bool:
    """Whether every unit of the result depends on all positions of what the operation reads."""
    outputs = [m for m in map(walk.map, op.outputs) if isinstance(m, FieldMap)]
    tracks = [track for m in outputs for track in m.tracks]
    if not tracks or any(track.joined_by is None for track in tracks):
        return False
    # By the operation alone: a fresh map in front of it, whatever was joined before.
    fresh: dict[int, FieldMap | None] = {}
    for tensor in paths.inputs(op):
        m = walk.map(tensor)
        if not isinstance(m, FieldMap):
            return False
        fresh[tensor] = FieldMap.of_input(m.shape, m.spatial_dimensions(), lattice=True)
    ranks = {len(m.tracks) for m in fresh.values() if m is not None}
    if len(ranks) != 1 or ranks == {0}:
        return False
    maps = outcome(walk.network, op, fresh, Reading())
    if isinstance(maps, str):
        return False
    joined = [m for m in maps if isinstance(m, FieldMap)]
    return all(track.joined_by is not None for m in joined for track in m.tracks)


def _fronts(head: Op, paths: Paths, walk: ForwardWalk) -> tuple[Op, ...]:
    """The operations that leave no map: the head's first one, or one in each of its branches.

    In ``cat([average(x), maximum(x)])`` the ``cat`` reads no map: the pools begin the head.
    """
    fronts: dict[int, Op] = {}
    waiting, seen = [head], {head.index}
    while waiting:
        op = waiting.pop()
        inputs = paths.inputs(op)
        made = [walk.network.producer(tensor) for tensor in inputs]
        before = [p for p in made if p is not None]
        if len(before) < len(made) or any(_is_map(tensor, walk) for tensor in inputs):
            if op is not head:
                op = _joining_before(op, paths, walk)
            first = first_of_pools(op, paths, walk)
            fronts[first.index] = first
            continue
        waiting += [p for p in before if p.index not in seen]
        seen.update(p.index for p in before)
    return tuple(fronts[index] for index in sorted(fronts))


def _joining_before(op: Op, paths: Paths, walk: ForwardWalk) -> Op:
    """The first operation on a branch's way to ``op`` that joins everything for good, or ``op``."""
    first = op
    for before in _straight_before(op, paths, walk):
        if _joins_everything(before, paths, walk):
            behind = Paths(walk.network, before.outputs[0], paths.target)
            if not _window_behind(before, behind, walk):
                first = before
    return first


def _straight_before(op: Op, paths: Paths, walk: ForwardWalk) -> Iterator[Op]:
    """The operations in front of one, backwards, as long as each has one input."""
    while len(inputs := paths.inputs(op)) == 1:
        before = walk.network.producer(inputs[0])
        if before is None:
            return
        yield before
        op = before


def _last_maps(fronts: tuple[Op, ...], paths: Paths, walk: ForwardWalk) -> tuple[int, ...]:
    """What the head reads; of maps of different shapes, those with the largest field."""
    read = tuple(dict.fromkeys([t for op in fronts for t in paths.inputs(op)]))
    if len(fronts) == 1:
        return read
    maps = {t: m for t in read if isinstance(m := walk.map(t), FieldMap) and m.sides}
    if not maps or any(not isinstance(walk.map(t), FieldMap) for t in read):
        return read
    widest = max(maps.values(), key=_seen)
    return tuple([t for t, m in maps.items() if m.shape == widest.shape])


def _is_map(tensor: int, walk: ForwardWalk) -> bool:
    """Whether a tensor has spatial positions, or may have some."""
    m = walk.map(tensor)
    return not isinstance(m, FieldMap) or m.sides != ()


def _seen(m: FieldMap) -> list[int]:
    return [axis_field(m, axis).size for axis in range(len(m.tracks))]


_SLIDING = CONVOLUTIONS | TRANSPOSED_CONVOLUTIONS | FIXED_POOLS | ADAPTIVE_POOLS
