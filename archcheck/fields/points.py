"""Where a receptive field is asked for: before the head, at the output, behind a module."""

from __future__ import annotations

from dataclasses import dataclass

from archcheck.fields.fieldmap import FieldMap
from archcheck.fields.handlers import Reading
from archcheck.fields.walk import Walk, outcome
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
class Point:
    """A place in the network: the tensors there, and the operation that begins the head."""

    name: str
    tensors: tuple[int, ...]
    head: int | None = None


def output_points(network: Network) -> list[Point]:
    """One point for every tensor that the network returns."""
    if len(network.outputs) == 1:
        return [Point("output", (network.outputs[0][1],))]
    return [Point(f"output[{label}]", (tensor,)) for label, tensor in network.outputs]


def feature_points(network: Network, walk: Walk) -> list[Point]:
    """The last map in front of the head, for every tensor that the network returns."""
    points = []
    for output in output_points(network):
        name = output.name.replace("output", "features", 1)
        paths = Paths(network, walk.source, output.tensors[0])
        head = _head(paths, walk)
        if head is None:
            points.append(Point(name, output.tensors))
        else:
            points.append(Point(name, paths.inputs(head), head.index))
    return points


def module_point(network: Network, path: str) -> Point | None:
    """The output of the last call of the module at ``path``; None if it was never called."""
    call = network.last_call(path)
    return None if call is None or not call.outputs else Point(path, call.outputs)


def _head(paths: Paths, walk: Walk) -> Op | None:
    """The first operation on every path after which no map is left."""
    cuts = paths.cuts
    for position, op in enumerate(cuts):
        maps = [walk.map(tensor) for tensor in op.outputs if tensor in paths.tensors]
        maps = maps or [walk.map(tensor) for tensor in op.outputs]
        known = [m for m in maps if isinstance(m, FieldMap)]
        if len(known) != len(maps):
            return None
        if all(m.sides == () for m in known) or _joins_everything(op, paths, walk):
            return _first_of_pools(cuts, position, walk, paths)
    return None


def _joins_everything(op: Op, paths: Paths, walk: Walk) -> bool:
    """Whether every unit of the result depends on all positions of what the operation reads."""
    outputs = [m for m in map(walk.map, op.outputs) if isinstance(m, FieldMap)]
    tracks = [track for m in outputs for track in m.tracks]
    if not tracks or any(track.joined_by is None for track in tracks):
        return False
    # Asked of the operation alone: a fresh map in front of it, whatever was joined before.
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
    known = [m for m in maps if isinstance(m, FieldMap)]
    return all(track.joined_by is not None for m in known for track in m.tracks)


_KEEPS_PLACES = ACTIVATIONS | ARITHMETIC | COPIES | DROPOUTS | NORMALIZATIONS
_POOLING = POOLS | REDUCTIONS


def _first_of_pools(cuts: tuple[Op, ...], position: int, walk: Walk, paths: Paths) -> Op:
    """``mean(3).mean(2)`` is one pool: the head begins with the first of a run of them."""
    first = cuts[position]
    if first.kind not in _POOLING:
        return first
    for op in reversed(cuts[:position]):
        if op.kind in _POOLING and _shortens(op, walk, paths):
            first = op
        elif op.kind not in _KEEPS_PLACES:
            break
    return first


def _shortens(op: Op, walk: Walk, paths: Paths) -> bool:
    """Whether a pool leaves fewer axes than it found."""
    before = [m for m in (walk.map(t) for t in paths.inputs(op)) if isinstance(m, FieldMap)]
    after = [m for m in (walk.map(t) for t in op.outputs) if isinstance(m, FieldMap)]
    if not before or not after:
        return False
    return len(after[0].sides) < len(before[0].sides)
