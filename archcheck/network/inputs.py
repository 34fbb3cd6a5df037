"""What a network is given in a forward pass: tensors and values of Python, as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from archcheck.phrases import shape_text

Path = tuple[str | int, ...]
"""Where something stands among forward's arguments: a parameter's name or the place of an argument
without one, then the keys of dictionaries and the places in lists."""

FLOATS = ("float32", "float64", "float16", "bfloat16")
COMPLEX = ("complex64", "complex128")
INTEGERS = ("int64", "int32", "int16", "int8", "uint8")
DTYPES = (*FLOATS, *COMPLEX, *INTEGERS, "bool")
"""The types that a tensor can have, by torch's names."""
POSITIONS = frozenset("depth frames frequency height length time width".split())
"""The names of axes along which positions are counted."""
AXES = (*sorted(POSITIONS), "channels", "features")
"""The names that the sides of an input can have."""
_BY_NUMBER = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}
"""What the axes along which positions are counted are called where they have no names."""
BATCH = "batch"
"""The name of the batch's axis, among those of the others."""


class Input(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag="tensor"):
    """A tensor that a network is given.

    Attributes:
        path: where it stands among forward's arguments.
        shape: its sides without the batch.
        dtype: one of ``DTYPES``; empty for that of the network's own weights.
        start, below: integers are drawn from ``start`` on, below ``below``.
        value: what every element is, in place of random numbers.
        batch: the place of the batch's axis in the tensor; None if it has none.
        axes: what its sides are called, from ``AXES``; empty if that is not said.
        guessed: whether its type was not said, and follows from what forward does with it.
    """

    path: Path
    shape: tuple[int, ...]
    dtype: str = ""
    start: int = 0
    below: int | None = None
    value: bool | int | float | None = None
    batch: int | None = 0
    axes: tuple[str, ...] = ()
    guessed: bool = False

    @property
    def name(self) -> str:
        """Its parameter's name with keys and places, ``images.0``; empty for an argument without a
        name."""
        return "" if isinstance(self.path[0], int) else ".".join(map(str, self.path))

    @property
    def described(self) -> bool:
        """Whether more is said of it than its shape."""
        return self != Input(self.path, self.shape)

    @property
    def real(self) -> bool:
        """Whether it holds real numbers, so that a gradient leads to it."""
        return self.dtype in ("", *FLOATS)

    @property
    def most(self) -> int:
        """The bound of its integers: without any, 0 and 1 are drawn."""
        return self.start + 2 if self.below is None else self.below

    def sides(self, batch: int) -> tuple[int, ...]:
        """Its shape in a pass over ``batch`` samples."""
        if self.batch is None:
            return self.shape
        return (*self.shape[: self.batch], batch, *self.shape[self.batch :])

    @property
    def positions(self) -> tuple[int, ...]:
        """The dimensions of the tensor, the batch's among them, along which positions are counted.

        Where the axes have no names they are those behind the channels, if the batch is in front
        of them.
        """
        if not self.axes:
            return tuple(range(2, len(self.shape) + 1)) if self.batch == 0 else ()
        places = [place for place, name in enumerate(self.axes) if name in POSITIONS]
        return tuple(p + (self.batch is not None and p >= self.batch) for p in places)

    @property
    def position_names(self) -> tuple[str, ...]:
        """What those dimensions are called: by their names, else by how many they are."""
        if self.axes:
            return tuple(name for name in self.axes if name in POSITIONS)
        number = len(self.positions)
        return _BY_NUMBER.get(number, tuple(f"axis {axis}" for axis in range(number)))

    def __str__(self) -> str:
        """Its name, shape and type: ``input_ids 128 int64``."""
        return " ".join(part for part in (self.name, shape_text(self.shape), self.dtype) if part)


class PlainValue(msgspec.Struct, frozen=True, omit_defaults=True, tag="value"):
    """A value of Python that a network is given: a number, a text, None, or lists and dictionaries
    of these."""

    path: Path
    value: Any = None

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.path))} {self.value!r}"


Inputs = tuple[Input | PlainValue, ...]
"""Everything that a network is given, in the order of its description."""


def tensors_of(inputs: Inputs) -> tuple[Input, ...]:
    """The tensors among some inputs."""
    return tuple(each for each in inputs if isinstance(each, Input))


def batched(inputs: Inputs) -> bool:
    """Whether any of some inputs has a batch."""
    return any(each.batch is not None for each in tensors_of(inputs))


def images_of(inputs: Inputs, shape: tuple[int, ...]) -> Input | None:
    """The input that takes images of a shape, where everything else is a constant or a value of
    Python; None if there is none."""
    drawn = [each for each in tensors_of(inputs) if each.value is None]
    alike = [each for each in drawn if each.shape == shape and each.batch == 0 and each.real]
    return alike[0] if len(drawn) == len(alike) == 1 else None


def constants_of(inputs: Inputs) -> tuple[bool, ...]:
    """Whether each tensor among some inputs is a constant, whose values are known. Where all are
    filled with a value none is: something has to stand for what a network is given."""
    filled = tuple(each.value is not None for each in tensors_of(inputs))
    return (False,) * len(filled) if all(filled) else filled


def of_shapes(shapes: Iterable[Sequence[int]]) -> Inputs:
    """Inputs without names, of which no more is known than the shapes, without the batch."""
    return tuple(Input((place,), tuple(shape)) for place, shape in enumerate(shapes))
