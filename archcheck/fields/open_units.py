"""The units of an operand that no constant mask closes: a walk back reads no others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np
from msgspec.structs import replace

from archcheck.fields.algebra.field_map import FieldMap, NotModelledError
from archcheck.fields.algebra.joint_axes import JOINING_MASKED
from archcheck.fields.algebra.masks import Booleans
from archcheck.fields.algebra.positions import Positions
from archcheck.fields.algebra.region import Box, canonical
from archcheck.fields.handlers import CARRIERS
from archcheck.network import Op

MOST_UNITS = 1 << 18
"""The most units that are followed one by one."""
_AT_EACH = frozenset({"sum", "mean"})
"""What these join is told dimension by dimension, whatever the mask."""


@dataclass(frozen=True)
class OpenUnits:
    """Which units are open, over the factors of a map; along most of them all are alike.

    ``sizes`` are the sizes of the factors that end: what lies beyond their borders is open. A
    pattern along the others goes on.
    """

    is_open: Booleans
    sizes: tuple[int | None, ...]

    def within(self, boxes: Iterable[Box]) -> tuple[Box, ...]:
        """The open units of some boxes.

        Raises:
            NotModelledError: if there are too many to look at one by one.
        """
        return canonical(part for box in boxes for part in self._parts(box))

    def _parts(self, box: Box) -> Iterator[Box]:
        varying = [f for f, length in enumerate(self.is_open.shape) if length > 1]
        members = [box[f].members() for f in varying]
        if prod(map(len, members)) > MOST_UNITS:
            raise NotModelledError("a mask over too many units")
        is_open = self._at(varying, members)
        if is_open.all():
            yield box
        if is_open.all() or not varying:
            return
        *outer, last = varying
        for place in product(*(range(len(each)) for each in members[:-1])):
            left = [m for m, each in zip(members[-1], is_open[place], strict=True) if each]
            chosen = dict(zip(outer, (members[n][at] for n, at in enumerate(place)), strict=True))
            sets = {f: Positions(index, 1) for f, index in chosen.items()}
            sets[last] = Positions.of(left)
            yield tuple(sets.get(f, positions) for f, positions in enumerate(box))

    def _at(self, varying: list[int], members: list[tuple[int, ...]]) -> Booleans:
        is_open = self.is_open
        for factor, indices in zip(varying, members, strict=True):
            size, at = self.sizes[factor], np.array(indices, dtype=int)
            is_open = is_open.take(at % is_open.shape[factor], axis=factor)
            if size is not None:
                beyond = ((at < 0) | (at >= size)).reshape(
                    [-1 if f == factor else 1 for f in range(is_open.ndim)]
                )
                is_open = is_open | beyond
        return is_open.reshape([len(each) for each in members])


def open_to(op: Op, m: FieldMap) -> OpenUnits | None:
    """The open units of an operand's structure; None if nothing is closed to an operation.

    A product of weights, and a softmax, leave closed units out by themselves.
    """
    return None if op.kind in JOINING_MASKED - _AT_EACH else open_of(m)


def open_of(m: FieldMap) -> OpenUnits | None:
    """The open units of a map; None if all are open."""
    if m.cut is None or m.cut.value is None:
        return None
    is_open = m.cut.is_open.values
    ends = (
        f.size if not f.lattice or 2 * is_open.shape[at] > f.size else None
        for at, f in enumerate(m.factors)
    )
    return OpenUnits(is_open, tuple(ends))


def numbered_with(op: Op, m: FieldMap) -> FieldMap:
    """An operand's structure as an operation is shown it: without closed units, unless the
    operation hands them on. A sum does not hand on zeros."""
    zeros = m.cut is not None and m.cut.value == 0.0
    handed_on = op.kind in CARRIERS and not (zeros and op.kind in ("add", "sub"))
    return m if m.cut is None or handed_on else replace(m, cut=None)
