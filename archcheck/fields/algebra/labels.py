"""What a factor of an index counts: positions of space, windows of them, or axes that were fused.

The sizes are carried by the factors themselves; these are the labels that reshapes hand on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from itertools import pairwise
from math import prod

from msgspec.structs import replace

from archcheck.fields.algebra.table import Axis, Factor


def fused_axes(factors: Iterable[Factor]) -> tuple[Axis, ...]:
    """The axes that neighbouring factors hold together, if they are several."""
    whole: list[Factor] = []
    for factor in factors:
        if factor.part == "inner" and whole and whole[-1].part == "outer":
            outer = whole.pop()
            factor = Factor(outer.size * factor.size, False, outer.spatial)
        whole.append(factor)
    return reduce(_fused_with, whole).fused if whole else ()


def _fused_with(first: Factor, second: Factor) -> Factor:
    axes = axes_of_both(first, second)
    return Factor(first.size * second.size, False, first.spatial, fused=axes)


def axes_of_both(first: Factor, second: Factor) -> tuple[Axis, ...]:
    """The axes that two neighbouring factors hold together, if they are several.

    Windows and the places in them have been fused before, where they are of one axis.
    """
    if first.size == 1 or second.size == 1:
        return second.fused if first.size == 1 else first.fused
    if not (first.spatial or second.spatial or first.fused):
        return ()
    if any(factor.spatial and factor.part == "inner" for factor in (first, second)):
        return ()
    *before, last = first.fused or (Axis(first.size, first.spatial),)
    if second.part != "inner" or not last.spatial:
        return (*before, last, *(second.fused or (Axis(second.size, second.spatial),)))
    # Channels that were made offsets of an axis' positions belong to it.
    return (*before, Axis(last.size * second.size, True)) if before else ()


def any_offsets(factors: Sequence[Factor]) -> bool:
    """Whether behind positions of space a dimension holds what counts none: a pixel shuffle's
    offsets, or channels."""
    counts = [axis.spatial for factor in factors for axis in factor.fused or [factor]]
    return len(counts) > 1 and any(before and not own for before, own in pairwise(counts))


def as_axis(factors: Sequence[Factor]) -> tuple[Factor, ...]:
    """The factors of a dimension in which offsets are parts of the axis that they stand behind."""
    axis: list[Factor] = []
    for factor in factors:
        if axis and axis[-1].spatial and not factor.spatial and not factor.fused:
            if axis[-1].part == "whole":
                axis[-1] = replace(axis[-1], part="outer")
            factor = replace(factor, spatial=True, part="inner")
        axis.append(replace(factor, fused=_with_offsets(factor.fused)))
    return tuple(axis)


def _with_offsets(axes: Sequence[Axis]) -> tuple[Axis, ...]:
    """Fused axes with offsets as parts of the axis in front of them; none if one is left."""
    whole: list[Axis] = []
    for axis in axes:
        if whole and whole[-1].spatial and not axis.spatial:
            whole[-1] = Axis(whole[-1].size * axis.size, spatial=True)
        else:
            whole.append(axis)
    return tuple(whole) if len(whole) > 1 else ()


def picked_parts(old: Factor, outer: int, inner: int) -> tuple[Factor, Factor] | None:
    """The parts of a factor with several units for each token of a map, by token or by turn.

    The part that has whole sets of tokens holds their axes; the other only numbers what was picked.
    None if there is one unit for each token, if their axes are not known, or if the parts cut
    through them.
    """
    tokens = prod([axis.size for axis in old.fused])
    if not old.fused or not tokens or old.lattice or tokens == old.size:
        return None
    number = Factor(inner, False, False)
    if outer == tokens:
        return replace(old, size=outer, part="whole"), number
    if inner and inner % tokens == 0:
        return replace(number, size=outer), replace(old, size=inner, part="whole")
    return None
