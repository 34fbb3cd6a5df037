"""Runs of pools that are one pool: ``mean(3).mean(2)``, or an average of averages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from archcheck.fields.algebra.field_map import FieldMap
from archcheck.fields.forward import ForwardWalk
from archcheck.network import Op, kinds
from archcheck.network.attributes import window
from archcheck.network.graph import Paths
from archcheck.network.operands import is_reversed

POOLING = kinds.POOLS | kinds.REDUCTIONS
KEEPS_PLACES = (
    kinds.ACTIVATIONS | kinds.ARITHMETIC | kinds.COPIES | kinds.DROPOUTS | kinds.NORMALIZATIONS
)
_MOVING = kinds.COPIES | frozenset(
    """view reshape view_as reshape_as flatten unflatten squeeze unsqueeze permute transpose t T mT
    movedim flip fliplr flipud roll tensor_unfold""".split()
)
"""Kinds behind which the same values are left, in other places or in windows."""
_LINEAR = kinds.DROPOUTS | kinds.CONVOLUTIONS | kinds.LINEAR | frozenset("batch_norm neg".split())
_AFFINE = frozenset("add sub mul div".split())
"""Kinds that are linear in one operand, if the others depend on no input."""
_RISING = frozenset(
    """relu relu6 leaky_relu elu celu selu sigmoid hardsigmoid logsigmoid tanh hardtanh softplus
    softsign""".split()
)


@dataclass(frozen=True)
class _One:
    """Pools that make one pool if they follow each other, and what may stand between them."""

    pools: frozenset[str]
    between: frozenset[str]


_AVERAGE = _One(
    kinds.FIXED_AVERAGE_POOLS
    | kinds.ADAPTIVE_AVERAGE_POOLS
    | {"mean", "sum", "einsum", "interpolate"},
    _MOVING | _LINEAR | _AFFINE,
)
_MAXIMUM = _One(kinds.MAX_POOLS | {"amax", "max"}, _MOVING | _RISING)


def first_of_pools(last: Op, paths: Paths, walk: ForwardWalk) -> Op:
    """The first of a run of pools that begins the head and ends with ``last``.

    A pool that drops an axis belongs to it. One that only shortens the map does if the run is a
    single average, as an average of averages is, or a single maximum.
    """
    if last.kind not in POOLING and not _sums(last):
        return last
    way = paths if last in paths.cuts else Paths(walk.network, paths.source, last.outputs[0])
    cuts = {op.index for op in way.cuts}
    first = last
    one = next((each for each in (_AVERAGE, _MAXIMUM) if last.kind in each.pools), None)
    for op in reversed([op for op in way.ops if op.index < last.index]):
        before, after = _sides(way.inputs(op), walk), _sides(op.outputs, walk)
        if one and op.kind not in one.pools and not _keeps_one(op, one, way, walk):
            one = None
        drops = op.kind in POOLING and len(after) < len(before)
        if op.index in cuts and (drops or (one and prod(after) < prod(before))):
            first = op
        elif not one and op.kind not in KEEPS_PLACES:
            break
    return first


def _sums(op: Op) -> bool:
    """Whether an operation sums over dimensions by their letters: ``bchw->bc``."""
    return op.kind == "einsum" and len(op.inputs) == 1


def _keeps_one(op: Op, one: _One, way: Paths, walk: ForwardWalk) -> bool:
    """Whether pools in front of an operation and behind it are one pool all the same."""
    if op.kind not in one.between or sum(tensor in way.tensors for tensor in op.inputs) != 1:
        return False
    if op.kind == "div" and (op.inputs[0] not in way.tensors or is_reversed(op)):
        return False
    if op.kind in kinds.CONVOLUTIONS and max(window(walk.network, op)["kernel_size"]) > 1:
        return False
    if op.kind in _MOVING:
        return True  # also where it puts positions among the channels, for a pool to join them
    return _sides(op.inputs, walk) == _sides(op.outputs, walk)


def _sides(tensors: Sequence[int], walk: ForwardWalk) -> tuple[int, ...]:
    """The sides of the map that is among some tensors."""
    maps = [m for m in map(walk.map, tensors) if isinstance(m, FieldMap)]
    return maps[0].sides if maps else ()
