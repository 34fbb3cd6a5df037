"""Which values of a network are the same, and what is left of sums and products of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from typing import Any

from archcheck.network import kinds
from archcheck.network.model import Network, Op
from archcheck.network.moves import Move, moved
from archcheck.network.operands import is_reversed, tensor_of

_REPEATABLE = (
    kinds.CONVOLUTIONS
    | kinds.TRANSPOSED_CONVOLUTIONS
    | kinds.LINEAR
    | kinds.MATRIX_PRODUCTS
    | (kinds.FIXED_POOLS | kinds.ADAPTIVE_POOLS | kinds.REDUCTIONS)
    | (kinds.ELEMENTWISE | kinds.ACTIVATIONS | kinds.NORMALIZATIONS)
    | (kinds.VIEWS | kinds.JOINS | kinds.PADDING | kinds.RESAMPLING)
) - {"bernoulli", "rrelu", "gumbel_softmax"}
"""Kinds that give the same again if they read the same."""
_SAME_SHAPE = frozenset("view reshape view_as reshape_as expand expand_as flatten".split())
"""Views that change nothing where they keep the shape."""
_MOST = 32
"""The most values that a sum or a product is followed with."""
_NEGLIGIBLE = 1e-9
"""The share of two coefficients that rounding may leave of their difference."""


@dataclass(frozen=True)
class Combined:
    """A sum or a product of values.

    ``powers`` are the coefficients or exponents of values by their numbers, ``number`` is what is
    added or multiplied. ``cancelled`` says whether values are read that are no longer part of it.
    """

    powers: Mapping[int, float]
    number: float
    product: bool
    cancelled: bool = False

    @property
    def key(self) -> tuple[Any, ...]:
        """The same for what is the same."""
        return "product" if self.product else "sum", self.number, tuple(sorted(self.powers.items()))


_Part = tuple[Any, float]
"""An argument, and its coefficient or exponent."""


class SameValues:
    """Numbers for the values of tensors: those with the same number are the same."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._numbers: dict[int, int] = {}
        self._first: dict[int, int] = {}
        self._keys: dict[Any, int] = {}
        self._known: dict[bool, dict[int, Combined]] = {False: {}, True: {}}
        self._moves: dict[int, tuple[int, tuple[Move, ...]]] = {}

    def alike(self, op: Op, *names: str) -> bool:
        """Whether arguments are tensors of the same values."""
        tensors = [tensor_of(op.arguments.get(name)) for name in names]
        return None not in tensors and len({self._of(t) for t in tensors if t is not None}) == 1

    def tensors(self, combined: Combined) -> list[int]:
        """The tensors that a sum or a product is made of."""
        return [self._first[number] for number in combined.powers]

    def combined(self, op: Op) -> tuple[Combined, ...]:
        """An operation's result as a sum, a product or both; empty if it is neither."""
        both = ((_summed(op), False), (_multiplied(op), True))
        found = [self._combined(parts, product) for parts, product in both if parts is not None]
        return tuple(each for each in found if len(each.powers) <= _MOST)

    def note(self, op: Op, combined: Sequence[Combined] = (), key: Any = None) -> None:
        """Number an operation's results."""
        handed_on = self._handed_on(op)
        if handed_on is not None:
            self.hand_on(op, handed_on)
            return
        if not combined and key is None and self._moved(op):
            return
        key = key or (combined[0].key if combined else None)
        for place, output in enumerate(op.outputs):
            self._number(output, self._key(op, place) if key is None else key)
        number = self._numbers[op.outputs[0]]
        for each in combined:
            (value, power), *more = each.powers.items()
            same_shape = self._shape(op.outputs[0]) == self._shape(self._first[value])
            if not more and power == 1 and each.number == each.product and same_shape:
                self._numbers[op.outputs[0]] = value
                return
            self._known[each.product][number] = each

    def _moved(self, op: Op) -> bool:
        """Number the result of a rearrangement by what is left of all behind it."""
        if len(op.inputs) != 1 or len(op.outputs) != 1:
            return False
        base, before = self._moves.get(self._of(op.inputs[0])) or (self._of(op.inputs[0]), ())
        moves = moved(self._network, op, before)
        if moves is None:
            return False
        if moves:
            self._number(op.outputs[0], ("moved", base, moves))
            self._moves[self._numbers[op.outputs[0]]] = base, moves
        else:
            self._numbers[op.outputs[0]] = base
        return True

    def hand_on(self, op: Op, tensor: int) -> None:
        """Note that an operation's result has the values of a tensor."""
        self._numbers[op.outputs[0]] = self._of(tensor)

    def _of(self, tensor: int) -> int:
        if tensor not in self._numbers:
            self._number(tensor, ("tensor", tensor))
        return self._numbers[tensor]

    def _number(self, tensor: int, key: Any) -> None:
        """Give a tensor the number that stands for a key and a shape."""
        number = self._keys.setdefault((key, self._shape(tensor)), len(self._keys))
        self._numbers[tensor] = number
        self._first.setdefault(number, tensor)

    def _shape(self, tensor: int) -> tuple[int, ...]:
        return self._network.shape(tensor)

    def _key(self, op: Op, place: int) -> Any:
        """The same for operations that give the same."""
        if op.kind not in _REPEATABLE:
            return "tensor", op.outputs[place]
        numbers = {tensor: self._of(tensor) for tensor in op.inputs}
        arguments = {
            name: _with_numbers(value, numbers)
            for name, value in op.arguments.items()
            if name not in ("inplace", kinds.IN_PLACE_WRITE)
        }
        read = [numbers[tensor] for tensor in op.inputs]
        return op.kind, is_reversed(op), place, repr((read, sorted(arguments.items())))

    def _handed_on(self, op: Op) -> int | None:
        """The tensor whose values an operation hands on as they are."""
        if not op.inputs:
            return None
        before, after = (self._network.tensors[t] for t in (op.inputs[0], op.outputs[0]))
        if op.kind in kinds.DROPOUTS:
            return before.id if op.arguments.get("training") is False else None
        if op.kind not in kinds.COPIES | _SAME_SHAPE or before.shape != after.shape:
            return None
        floats = "float" in before.dtype and "float" in after.dtype
        return before.id if floats or before.dtype == after.dtype else None

    def _combined(self, parts: Sequence[_Part], product: bool) -> Combined:
        powers: dict[int, float] = {}
        number, cancelled = float(product), False
        for value, power in parts:
            tensor = tensor_of(value)
            if tensor is None:
                number = number * _raised(value, power) if product else number + value * power
                continue
            own = self._of(tensor)
            known = self._known[product].get(own) or Combined({own: 1.0}, float(product), product)
            own_number = _raised(known.number, power) if product else known.number * power
            number = number * own_number if product else number + own_number
            for each, old in known.powers.items():
                before = powers.pop(each, 0.0)
                left = before + old * power
                if abs(left) > _NEGLIGIBLE * max(abs(before), abs(old * power)):
                    powers[each] = left
                else:
                    cancelled = True
        return Combined(powers, number, product, cancelled)


def _raised(number: float, power: float) -> float:
    try:
        return float(number**power)
    except (OverflowError, ZeroDivisionError):
        return nan


def _with_numbers(value: Any, numbers: Mapping[int, int]) -> Any:
    """An argument with the numbers of values in the place of tensors."""
    if isinstance(value, dict):
        if "tensor" in value:
            return "value", numbers.get(value["tensor"], value["tensor"])
        return {name: _with_numbers(each, numbers) for name, each in value.items()}
    return [_with_numbers(each, numbers) for each in value] if isinstance(value, list) else value


def _operands(op: Op) -> list[Any] | None:
    """Both sides of an operator in their order; None if one is neither a tensor nor a number."""
    sides = [op.arguments.get("input"), op.arguments.get("other")]
    if not all(_is_number(side) or tensor_of(side) is not None for side in sides):
        return None
    return sides[::-1] if is_reversed(op) else sides


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and isfinite(value)


def _summed(op: Op) -> Sequence[_Part] | None:
    """What a sum, a difference or a multiple is made of."""
    sides = _operands(op)
    if op.kind == "neg":
        return [({"tensor": op.inputs[0]}, -1.0)]
    if sides is None:
        return None
    first, other = sides
    if op.kind in ("add", "sub"):
        alpha = op.arguments.get("alpha", 1)
        if not _is_number(alpha) or (alpha != 1 and is_reversed(op)):
            return None
        return [(first, 1.0), (other, -float(alpha) if op.kind == "sub" else float(alpha))]
    if op.kind == "mul" and _is_number(other):
        return [(first, float(other))]
    if op.kind == "mul" and _is_number(first):
        return [(other, float(first))]
    if op.kind == "div" and _is_number(other) and other and _divides(op):
        return [(first, 1 / other)]
    return None


def _multiplied(op: Op) -> Sequence[_Part] | None:
    """What a product, a quotient or a power is made of."""
    first = {"tensor": op.inputs[0]} if op.inputs else None
    if op.kind == "neg":
        return [(first, 1.0), (-1.0, 1.0)]
    if op.kind == "reciprocal":
        return [(first, -1.0)]
    if op.kind == "square":
        return [(first, 2.0)]
    if op.kind == "pow":
        exponent = op.arguments.get("exponent")
        return [(first, float(exponent))] if type(exponent) is int and not is_reversed(op) else None
    sides = _operands(op)
    if sides is None or op.kind not in ("mul", "div") or 0 in sides or not _divides(op):
        return None
    return [(sides[0], 1.0), (sides[1], 1.0 if op.kind == "mul" else -1.0)]


def _divides(op: Op) -> bool:
    return op.arguments.get("rounding_mode") is None
