"""The shapes of inputs, from the ways of writing them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archcheck.network.inputs import Input, Inputs, PlainValue, of_shapes

Shape = Sequence[int]
Shapes = tuple[tuple[int, ...], ...]
AnyInputs = Shape | Sequence[Shape] | Inputs
"""What a network is given: a shape, one for each input, or all that is said of them."""


def inputs_of(given: AnyInputs) -> Inputs:
    """Inputs from themselves, or from shapes without the batch.

    Raises:
        ValueError: if it is neither.
    """
    if isinstance(given, tuple) and given and isinstance(given[0], (Input, PlainValue)):
        return given
    return of_shapes(input_shapes(given))  # type: ignore[arg-type]


def input_shapes(shape: Shape | Sequence[Shape]) -> Shapes:
    """``(3, 32, 32)`` or ``[(3, 32, 32), (1, 8)]`` as shapes without the batch, one for each input.

    Raises:
        ValueError: if it is neither.
    """
    sides: list[Any] = list(shape)
    nested = [side for side in sides if isinstance(side, (tuple, list))]
    shapes: list[tuple[int, ...]] = [tuple(side) for side in nested or [sides]]
    flat = [side for item in shapes for side in item]
    if (
        len(nested) not in (0, len(sides))
        or not all(shapes)
        or not all(_is_side(side) for side in flat)
    ):
        raise ValueError(
            f"an input shape is positive whole numbers like (3, 32, 32), not {shape!r}"
        )
    return tuple(shapes)


def _is_side(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
