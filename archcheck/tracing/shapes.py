"""The shapes of inputs, from the ways people give them. No torch here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Shape = Sequence[int]


def input_shapes(shape: Shape | Sequence[Shape]) -> list[tuple[int, ...]]:
    """``(3, 32, 32)`` or ``[(3, 32, 32), (1, 8)]`` as a list of shapes.

    Raises:
        ValueError: if it is neither.
    """
    sides: list[Any] = list(shape)
    nested = [side for side in sides if isinstance(side, (tuple, list))]
    shapes: list[tuple[int, ...]] = [tuple(side) for side in nested or [sides]]
    flat = [side for item in shapes for side in item]
    if (
        len(nested) not in (0, len(sides))
        or not flat
        or not all(isinstance(side, int) and side > 0 for side in flat)
    ):
        raise ValueError(
            f"an input shape is positive whole numbers like (3, 32, 32), not {shape!r}"
        )
    return shapes
