"""Locations of receptive fields: in front of the head, at the output, behind a module."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from archcheck.fields.algebra.field_map import FieldMap
from archcheck.fields.axis_field import axis_field
from archcheck.fields.forward import ForwardWalk, outcome
from archcheck.fields.handlers import Reading
from archcheck.network import Network, Op
from archcheck.network.graph import Paths
from archcheck.network.kinds import (
    ACTIVATIONS,
    ARITHMETIC,
    COPIES,
    DROPOUTS,
    NORMALIZATIONS,
    POOLS,
    REDUCTIONS,
)


@dataclass(frozen=True)
class MapLocation:
    """A place in a network: tensors, and the operations that begin the head.

    There are several ``heads`` if the head has branches: two pools side by side, say.
    """

    name: str
    tensors: tuple[int, ...]
    heads: tuple[int, ...] = ()

    @property
    def head(self) -> int | None:
        """The first operation that begins the head."""
        return min(self.heads, default=None)


def output_locations(network: Network) -> list[MapLocation]:
    """One location for every tensor that the network returns."""
    if len(network.outputs) == 1:
        return [MapLocation("output", (network.outputs[0][1],))]
    return [MapLocation(f"output[{label}]", (tensor,)) for label, tensor in network.outputs]


def features_locations(network: Network, walk: ForwardWalk) -> list[MapLocation]:
    """The last map in front of the head, for every tensor that the network returns.

    If the head has branches, each has a last map of its own. The location is the one with the
    largest field.
    """
    locations = []
    for output in output_locations(network):
        name = output.name.replace("output", "features", 1)
        paths = Paths(network, walk.source, output.tensors[0])
        head = _head(paths, walk)
        if head is None:
            locations.append(MapLocation(name, output.tensors))
        else:
            fronts = _fronts(head, paths, walk)
            indices = tuple([op.index for op in fronts])
            locations.append(MapLocation(name, _last_maps(fronts, paths, walk), indices))
    return locations


def module_location(network: Network, path: str) -> MapLocation | None:
    """The output of the last call of the module at ``path``; None if it was never called."""
    call = network.last_call(path)
    return None if call is None or not call.outputs else MapLocation(path, call.outputs)


def _head(paths: Paths, walk: ForwardWalk) -> Op | None:
    """The first operation on every path after which no map is left."""
    cuts = paths.cuts
    for position, op in enumerate(cuts):
        maps = [walk.map(tensor) for tensor in op.outputs if tensor in paths.tensors]
        maps = maps or [walk.map(tensor) for tensor in op.outputs]
        field_maps = [m for m in maps if isinstance(m, FieldMap)]
        if len(field_maps) != len(maps):
            return None
        if all(m.sides == () for m in field_maps) or _joins_everything(op, paths, walk):
            return _first_of_pools(op, reversed(cuts[:position]), walk, paths)
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
            first = _first_of_pools(op, _straight_before(op, paths, walk), walk, paths)
            fronts[first.index] = first
            continue
        waiting += [p for p in before if p.index not in seen]
        seen.update(p.index for p in before)
    return tuple(fronts[index] for index in sorted(fronts))


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


_KEEPS_PLACES = ACTIVATIONS | ARITHMETIC | COPIES | DROPOUTS | NORMALIZATIONS
_POOLING = POOLS | REDUCTIONS


def _first_of_pools(first: Op, before: Iterable[Op], walk: ForwardWalk, paths: Paths) -> Op:
    """The first of a run of pools that begins the head: ``mean(3).mean(2)`` is one pool.

    ``before`` are the operations in front of ``first``, backwards.
    """
    if first.kind not in _POOLING:
        return first
    for op in before:
        if op.kind in _POOLING and _shortens(op, walk, paths):
            first = op
        elif op.kind not in _KEEPS_PLACES:
            break
    return first


def _shortens(op: Op, walk: ForwardWalk, paths: Paths) -> bool:
    """Whether a pool has fewer spatial axes behind it than in front."""
    before = [m for m in (walk.map(t) for t in paths.inputs(op)) if isinstance(m, FieldMap)]
    after = [m for m in (walk.map(t) for t in op.outputs) if isinstance(m, FieldMap)]
    if not before or not after:
        return False
    return len(after[0].sides) < len(before[0].sides)
