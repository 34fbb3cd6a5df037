"""How tensors lie in memory: shape, strides and offset, as the tracer recorded them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from archcheck.fields.algebra.indices import Integers


@dataclass(frozen=True)
class Layout:
    """How a tensor lies in memory; ``strides`` and ``start`` count elements."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    start: int

    @staticmethod
    def of(recorded: Any) -> Layout:
        """From the plain data that the tracer recorded."""
        shape, strides, start = recorded
        return Layout(tuple(shape), tuple(strides), start)

    @property
    def dense(self) -> bool:
        """Whether the elements lie in order without gaps."""
        expected = 1
        for size, stride in zip(reversed(self.shape), reversed(self.strides), strict=True):
            if size != 1 and stride != expected:
                return False
            expected *= size
        return True

    @property
    def repeats(self) -> bool:
        """Whether an element stands in several places, as after ``expand``."""
        return any(
            stride == 0 and size > 1 for size, stride in zip(self.shape, self.strides, strict=True)
        )

    @property
    def last(self) -> int:
        """Where the last element lies."""
        pairs = zip(self.shape, self.strides, strict=True)
        return self.start + sum((size - 1) * stride for size, stride in pairs)

    def places(self) -> Integers:
        """Where every element lies."""
        places = np.full((1,) * len(self.shape), self.start)
        for axis, (size, stride) in enumerate(zip(self.shape, self.strides, strict=True)):
            sides = [1] * len(self.shape)
            sides[axis] = size
            places = places + (np.arange(size) * stride).reshape(sides)
        return places

    def box_of(self, part: Layout) -> tuple[dict[int, range], list[int]] | None:
        """Where a part lies in this tensor, None if it is not a box of it.

        The indices along each dimension of this tensor, and for each dimension of the part the
        one that it runs along (-1 for none).
        """
        left = part.start - self.start
        begins = [0] * len(self.shape)
        for d in sorted(range(len(self.shape)), key=lambda d: -self.strides[d]):
            if self.shape[d] > 1 and left >= 0:
                begins[d], left = divmod(left, self.strides[d])
        if left:
            return None
        ranges = {d: range(begin, begin + 1) for d, begin in enumerate(begins)}
        along = []
        for size, stride in zip(part.shape, part.strides, strict=True):
            if size == 1:
                along.append(-1)
                continue
            fits = [
                d
                for d in range(len(self.shape))
                if self.shape[d] > 1 and stride % self.strides[d] == 0 and d not in along
            ]
            if not fits:
                return None
            d = max(fits, key=lambda d: self.strides[d])
            step = stride // self.strides[d]
            ranges[d] = range(begins[d], begins[d] + step * size, step)
            along.append(d)
        if any(r[-1] >= self.shape[d] for d, r in ranges.items()):
            return None
        return ranges, along
