"""Operations behind which neighbouring units look further apart, as behind a stride."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from math import prod
from statistics import median

from archcheck.fields.algebra.field_map import FieldMap
from archcheck.fields.axis_field import axis_field, unit_positions
from archcheck.network import Network, Op, kinds
from archcheck.network.graph import data_inputs
from archcheck.rules.base import Subject
from archcheck.rules.roads.positions import walk_from

_COUNTED_ALREADY = kinds.CONVOLUTIONS | kinds.POOLS
_PICKING = kinds.VIEWS | kinds.RESAMPLING | {"grid_sample"}
"""Kinds that may leave out positions of which each sees all of the input."""
_Steps = tuple[Fraction | None, ...]


def enlarging(subject: Subject, input_index: int) -> Iterator[Op]:
    """The operations behind which units look further apart than in front of them."""
    network = subject.network
    maps = subject.fields(input_index=input_index).forward.known_maps()
    behind: dict[int, _Steps] = {}
    spectra = _shorter_spectra(network, maps)
    for op in network.ops:
        before = [behind[tensor] for tensor in data_inputs(op) if tensor in behind]
        for tensor in op.outputs:
            if tensor not in maps:
                continue
            now = spacing(maps[tensor])
            # Where it does not move (halfway through space to depth), it is what it was.
            was = _widest(before, len(now))
            behind[tensor] = tuple(w if n is None else n for w, n in zip(was, now, strict=True))
            if op.kind in _COUNTED_ALREADY:
                continue
            wider = any(n > w for n, w in zip(behind[tensor], was, strict=True) if n and w)
            alone = op.kind in _PICKING and None in now and _spreads_alone(subject, op)
            if wider or alone or op.index in spectra:
                yield op
                break


def _widest(steps: list[_Steps], axes: int) -> tuple[Fraction, ...]:
    one = Fraction(1)
    return tuple(max((s[axis] or one for s in steps), default=one) for axis in range(axes))


def spacing(m: FieldMap) -> _Steps:
    """For each axis how far the field moves from one unit to the next, None where it does not.

    Of units that follow no rule it is what most of them do.
    """
    return tuple(_along(m, axis) for axis in range(len(m.tracks)))


def _along(m: FieldMap, axis: int) -> Fraction | None:
    jump = axis_field(m, axis).jump
    if jump is not None:
        return abs(jump)  # a map may be flipped
    moving = any(m.tracks[axis].local.steps[factor] for factor in m.unit_factors())
    if moving or not m.sides:
        return None
    found = [each for d in range(len(m.spatial_dimensions())) if (each := _typical(m, axis, d))]
    return found[0] if len(found) == 1 else None


def _typical(m: FieldMap, axis: int, dimension: int) -> Fraction | None:
    """How far the centres of the fields lie apart along a dimension, as a rule."""
    sides = [m.shape[d] for d in m.spatial_dimensions()]
    middle = [side // 2 for side in sides]
    units = [
        (*middle[:dimension], place, *middle[dimension + 1 :]) for place in range(sides[dimension])
    ]
    hulls = [unit_positions(m, axis, unit).hull for unit in units]
    centres = [Fraction(sum(hull), 2) for hull in hulls if hull is not None]
    apart = [abs(b - a) for a, b in pairwise(centres)]
    return median(apart) if apart and any(apart) else None


def _spreads_alone(subject: Subject, op: Op) -> bool:
    """Whether an operation by itself leaves positions further apart, whatever each of them sees."""
    walk = walk_from(subject, op.inputs[0], {op.index})
    m = None if walk is None else walk.map(op.outputs[0])
    if not isinstance(m, FieldMap):
        return False
    return any(step is not None and step > 1 for step in spacing(m))


def _shorter_spectra(network: Network, maps: dict[int, FieldMap]) -> set[int]:
    """The inverse Fourier transforms that give fewer positions than were transformed."""
    shorter: set[int] = set()
    transformed: dict[int, int] = {}
    for op in network.ops:
        inverse = op.kind.startswith("i") or op.kind.startswith("hfft")
        for tensor in data_inputs(op) if op.kind in kinds.SPECTRA or op.inputs else ():
            if op.kind in kinds.SPECTRA and not inverse and tensor in maps:
                transformed.setdefault(tensor, prod(maps[tensor].sides))
            if tensor in transformed:
                transformed.update(dict.fromkeys(op.outputs, transformed[tensor]))
        if op.kind in kinds.SPECTRA and inverse and op.outputs[0] in maps:
            whole = transformed.pop(op.outputs[0], 0)
            if prod(maps[op.outputs[0]].sides) < whole:
                shorter.add(op.index)
    return shorter
