"""Sets of positions on several axes at once, which need not be a product of sets on each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from math import prod
from operator import or_

import numpy as np
import numpy.typing as npt

from archcheck.fields.algebra.positions import EMPTY, Positions
from archcheck.phrases import how_many, size_text

Box = tuple[Positions, ...]
"""A product of sets: one for each axis."""


def canonical(boxes: Iterable[Box]) -> tuple[Box, ...]:
    """Disjoint boxes with the same union, the same ones for every way of writing it.

    Positions of the first axis with equal slices are combined, and the slices treated in the
    same way. The number of boxes depends on the distinct slices only.
    """
    distinct = [box for box in dict.fromkeys(boxes) if all(box)]
    if len(distinct) < 2:
        return tuple(distinct)
    if len(distinct[0]) == 1:
        return ((reduce(or_, (box[0] for box in distinct)),),)
    parts: list[tuple[Positions, tuple[Box, ...]]] = [
        (reduce(or_, (box[0] for box in distinct)), ())
    ]
    for first, *rest in distinct:
        split = []
        for positions, slices in parts:
            inside = positions & first
            if inside:
                split.append((inside, (*slices, tuple(rest))))
            outside = positions - first if inside else positions
            if outside:
                split.append((outside, slices))
        parts = split
    alike: dict[tuple[Box, ...], Positions] = {}
    for positions, slices in parts:
        key = canonical(slices)
        alike[key] = alike.get(key, EMPTY) | positions
    ordered = sorted(alike.items(), key=lambda item: (item[1].low, item[1].bits))
    return tuple((positions, *rest) for slices, positions in ordered for rest in slices)


@dataclass(frozen=True, repr=False)
class Region:
    """A set of input positions, exactly, with its holes.

    ``boxes`` are disjoint products of sets, one set for each axis (height before width); the
    region is their union. ``sides`` are the lengths of the input's axes. Positions count from 0;
    those of a theoretical field may lie outside of the image.
    """

    boxes: tuple[Box, ...]
    sides: tuple[int, ...]

    def __repr__(self) -> str:
        return f"<Region {self.figures}>"

    @property
    def figures(self) -> str:
        """The hull's size and what is in it: ``31 × 31, 961 positions``."""
        return f"{size_text(self.size) or 'no axes'}, {how_many(self.count, 'position')}"

    @property
    def axes(self) -> Box:
        """The region projected on every axis."""
        return tuple(
            reduce(or_, (box[axis] for box in self.boxes), EMPTY) for axis in range(len(self.sides))
        )

    @property
    def size(self) -> tuple[int, ...]:
        """The sides of the hull, 0 for the empty region."""
        return tuple(positions.size for positions in self.axes)

    @property
    def hull(self) -> tuple[tuple[int, int], ...] | None:
        """The lowest and the highest position on every axis; None for the empty region."""
        hulls = [positions.hull for positions in self.axes]
        return tuple(h for h in hulls if h is not None) if self.boxes else None

    @property
    def count(self) -> int:
        """How many positions of the input there are in it."""
        return sum(prod(positions.count for positions in box) for box in self.boxes)

    @property
    def is_product(self) -> bool:
        """Whether it is the product of its projections on the axes."""
        return len(self.boxes) < 2 or self.count == prod(p.count for p in self.axes)

    @property
    def density(self) -> float:
        """The share of positions inside the hull that belong to it, 1.0 where there are none."""
        return self.count / prod(self.size) if self.boxes and self.sides else 1.0

    def mask(self, low: Sequence[int] | None = None, shape: Sequence[int] | None = None) -> Mask:
        """The region as an array of booleans: of the image, or of any window of positions.

        ``low`` is the position of the array's first entry, ``shape`` the array's shape.
        """
        start = [0] * len(self.sides) if low is None else list(low)
        pixels = np.zeros(self.sides if shape is None else tuple(shape), dtype=bool)
        for box in self.boxes:
            at = [
                [p - first for p in positions.members() if 0 <= p - first < length]
                for positions, first, length in zip(box, start, pixels.shape, strict=True)
            ]
            pixels[np.ix_(*at)] = True
        return pixels

    def within(self) -> Region:
        """The part that lies on the image."""
        cut = (
            tuple(p.within(side) for p, side in zip(box, self.sides, strict=True))
            for box in self.boxes
        )
        return Region(canonical(cut), self.sides)


Mask = npt.NDArray[np.bool_]
