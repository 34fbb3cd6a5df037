"""What operators make of values.

A number that is not known keeps its relation to the symbol that it came from: ``255 * m`` of an
unknown ``m`` is 255 times the symbol of ``m``.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from archcheck.augmentation.interpreter.values import (
    LONGEST_SEQUENCE,
    Assumed,
    Given,
    Items,
    Rest,
    Table,
    Value,
    bare,
)
from archcheck.evidence.augmentation import Unknown

LARGEST_NUMBER = 10**12
"""No argument of a pipeline is a larger number."""
EACH = "[*]"
"""Ends the symbol of any one item of an unknown sequence."""
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: lambda left, right: left is right or (left == right and type(left) is type(right)),
    ast.IsNot: lambda left, right: not (left is right or left == right),
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}


SAME_NUMBERS = frozenset(
    "tolist numpy cpu detach copy float double flatten squeeze clone item to astype".split()
)
"""Methods of an array that leave its numbers as they are; ``astype`` may cut them off."""


class NotKnown(Exception):
    """The result of an operation is not known from the source."""


def is_plain(value: Value) -> bool:
    """Whether a value is Python's own, through and through."""
    if isinstance(value, tuple):
        return all(map(is_plain, value))
    return value is None or isinstance(value, (bool, int, float, str))


def is_numeric(value: Value) -> bool:
    """Whether a value is a number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def combined(op: ast.operator, left: Value, right: Value) -> Value:
    """The result of an operator.

    Raises:
        NotKnown: if the source does not tell it.
    """
    if isinstance(left, Assumed) or isinstance(right, Assumed):
        assumed = left if isinstance(left, Assumed) else right
        return Assumed(combined(op, bare(left), bare(right)), assumed.symbol)
    for one in (left, right):
        if isinstance(one, Items) and one.kind == "array":
            return _elementwise(op, left, right)
    if isinstance(left, Items) or isinstance(right, Items):
        return _of_lists(op, left, right)
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return _related(op, left, right)
    return _of_plain(op, left, right)


def _elementwise(op: ast.operator, left: Value, right: Value) -> Items:
    sides = [_row(side) for side in (left, right)]
    length = max(len(side) for side in sides if side is not None)
    rows = [
        [bare(value)] * length if row is None else row * length if len(row) == 1 else row
        for row, value in zip(sides, (left, right), strict=True)
    ]
    if len(rows[0]) != len(rows[1]):
        raise NotKnown
    pairs = zip(*rows, strict=True)
    return Items([combined(op, one, other) for one, other in pairs], "array")


def _row(value: Value) -> list[Value] | None:
    if isinstance(value, Items):
        if not value.is_known:
            raise NotKnown
        return value.items
    return list(value) if isinstance(value, tuple) else None


def _of_lists(op: ast.operator, left: Value, right: Value) -> Items:
    if isinstance(op, ast.Add):
        parts: list[Value] = []
        for side in (left, right):
            if not isinstance(side, (Items, Unknown)) or getattr(side, "kind", "") == "set":
                raise NotKnown
            parts += side.items if isinstance(side, Items) else [Rest(side)]
        return Items(parts)
    many, count = (left, right) if isinstance(left, Items) else (right, left)
    if isinstance(op, ast.Mult) and type(count) is int and many.kind == "list":
        if len(many.items) * count > LONGEST_SEQUENCE:
            raise NotKnown
        return Items(many.items * count)
    raise NotKnown


def _related(op: ast.operator, left: Value, right: Value) -> Unknown:
    unknown, number = (left, right) if isinstance(left, Unknown) else (right, left)
    if not is_numeric(number) or not unknown.symbol:
        raise NotKnown
    if isinstance(op, ast.Mult) or (isinstance(op, ast.Div) and unknown is left and number):
        factor = number if isinstance(op, ast.Mult) else 1 / number
        return replace(
            unknown,
            scale=unknown.scale * factor,
            offset=unknown.offset * factor,
            slack=unknown.slack * abs(factor),
        )
    if isinstance(op, ast.Add) or (isinstance(op, ast.Sub) and unknown is left):
        return replace(
            unknown, offset=unknown.offset + (number if isinstance(op, ast.Add) else -number)
        )
    raise NotKnown


def _of_plain(op: ast.operator, left: Value, right: Value) -> Value:
    operate = _BINARY.get(type(op))
    texts = isinstance(left, str) and not isinstance(op, ast.Add)
    if operate is None or texts or not all(_is_operand(side) for side in (left, right)):
        raise NotKnown
    for one, other in ((left, right), (right, left)):
        is_repeated = isinstance(one, (tuple, str)) and isinstance(other, int)
        if is_repeated and len(one) * other > LONGEST_SEQUENCE:
            raise NotKnown
    try:
        return checked(operate(left, right))
    except (ArithmeticError, TypeError, ValueError):
        raise NotKnown from None


def _is_operand(value: Value) -> bool:
    return is_plain(value) or isinstance(value, tuple)


def checked(value: Value) -> Value:
    """A value, if it is no larger than an argument of a pipeline can be.

    Raises:
        NotKnown: if it is.
    """
    if isinstance(value, (int, float)) and not abs(value) <= LARGEST_NUMBER:
        raise NotKnown
    if _size(value) > LONGEST_SEQUENCE:
        raise NotKnown
    return value


def _size(value: Value) -> int:
    """How many values there are in one, or just more than are wanted of any."""
    if isinstance(value, str):
        return len(value)
    if not isinstance(value, (tuple, Items)):
        return 1
    size = 0
    for part in value.items if isinstance(value, Items) else value:
        size += _size(part)
        if size > LONGEST_SEQUENCE:
            break
    return size


def compared(op: ast.cmpop, left: Value, right: Value) -> bool:
    """Whether a comparison holds.

    Raises:
        NotKnown: if the source does not tell it.
    """
    if isinstance(op, (ast.Is, ast.IsNot)) and (left is None or right is None):
        if isinstance(left, (Unknown, Assumed)) or isinstance(right, (Unknown, Assumed)):
            raise NotKnown
        return (left is right) == isinstance(op, ast.Is)
    if isinstance(right, Items) and right.is_known and isinstance(op, (ast.In, ast.NotIn)):
        right = tuple(right.items)
    if isinstance(right, Table) and right.rest is None:
        right = tuple(right.items)
    if not is_plain(left) or not is_plain(right):
        raise NotKnown
    try:
        return bool(_COMPARISONS[type(op)](left, right))
    except TypeError:
        raise NotKnown from None


def condition(op: ast.cmpop, left: Value, right: Value) -> str:
    """The symbol of a comparison with something unknown; empty if it has none."""
    if isinstance(right, (Unknown, Assumed)) and not isinstance(left, (Unknown, Assumed)):
        left, right = right, left
    symbol = getattr(left, "symbol", "")
    is_pure = isinstance(left, Assumed) or (
        isinstance(left, Unknown) and (left.scale, left.offset, left.slack) == (1, 0, 0)
    )
    if not symbol or not is_pure or not is_plain(right):
        return ""
    if isinstance(op, (ast.Eq, ast.Is)):
        return f"{symbol} == {right!r}"
    if isinstance(op, (ast.NotEq, ast.IsNot)):
        return f"not {symbol} == {right!r}"
    return f"{symbol} {type(op).__name__} {right!r}"


def rounded(unknown: Unknown, most: float) -> Unknown:
    """An unknown number after rounding that changes it by so much at most."""
    return replace(unknown, slack=unknown.slack + most)


def part_of(unknown: Unknown, key: str) -> Unknown:
    """An item or attribute of an unknown value: always the same one."""
    if not unknown.symbol:
        return unknown
    return replace(unknown, symbol=f"{unknown.symbol}{key}")


def sequence_of(item: Value, of: Unknown) -> Unknown | None:
    """The sequence whose items are all made like one of an unknown sequence; None if they are
    not made of it alone."""
    whole = f"{of.symbol}{EACH}"
    if isinstance(item, Unknown) and of.symbol and item.symbol == whole:
        return replace(item, symbol=of.symbol, reason=of.reason)
    return None


def total_of(values: Sequence[Value]) -> Value:
    """The sum of values.

    Raises:
        NotKnown: if the source does not tell it.
    """
    total: Value = 0
    for value in values:
        total = combined(ast.Add(), total, value)
    return total


def keeps_fractions(given: Given) -> bool:
    """Whether the type that ``astype`` is given holds fractions."""
    kinds = [bare(value) for value in given.values]
    said = str(getattr(kinds[0], "dotted", kinds[0])) if kinds else ""
    return "float" in said or "double" in said
