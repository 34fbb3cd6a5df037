"""Numbers as people write them: 200_000, 200k, 1.5M, 250 KB, 90%."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

LARGEST_NUMBER = 10**30
"""No budget is larger than this."""

MOST_POINTS = 10**6

_COUNTS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "B": 10**9, "T": 10**12}
_BYTES = {
    "": 1,
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
}
_WHOLE = "([0-9]+(_[0-9]+)*|[0-9]{1,3}(,[0-9]{3})+)"
_DIGITS = rf"[+-]?({_WHOLE}(\.[0-9]+)?|\.[0-9]+)([eE][+-]?[0-9]{{1,2}})?"
_NUMBER = re.compile(rf"(?P<digits>{_DIGITS})\s*(?P<suffix>[A-Za-z]*)")


def _scaled(text: str, suffixes: dict[str, int], examples: str) -> Fraction:
    match = _NUMBER.fullmatch(text.strip())
    factors = {suffix.lower(): factor for suffix, factor in suffixes.items()}
    if match is None or match["suffix"].lower() not in factors:
        raise ValueError(f"{text!r} is not a number; write it like {examples}")
    return Fraction(re.sub("[_,]", "", match["digits"])) * factors[match["suffix"].lower()]


def _number(value: Any, suffixes: dict[str, int], examples: str) -> Fraction:
    wrong = isinstance(value, bool) or not isinstance(value, (int, float, str))
    if wrong or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError(f"{value!r} is not a number; write it like {examples}")
    number = _scaled(value, suffixes, examples) if isinstance(value, str) else Fraction(value)
    if abs(number) > LARGEST_NUMBER:
        raise ValueError("this number is too large")
    return number


def _whole(value: Any, suffixes: dict[str, int], examples: str) -> int:
    number = _number(value, suffixes, examples)
    if number.denominator != 1:
        raise ValueError(f"{value!r} is not a whole number")
    return int(number)


def _read_count(value: Any) -> int:
    return _whole(value, _COUNTS, "200000, 200_000, 200k or 1.5M")


def _read_bytes(value: Any) -> int:
    return _whole(value, _BYTES, "250_000, 250 KB (a thousand bytes) or 250 KiB (1024)")


def _read_real(value: Any) -> int | float:
    number = _number(value, _COUNTS, "0.5, 3 or 200k")
    return int(number) if number.denominator == 1 else float(number)


def _read_share(value: Any) -> float:
    if isinstance(value, str) and value.strip().endswith("%"):
        value = float(_scaled(value.strip()[:-1], {"": 1}, "0.9 or 90%") / 100)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ValueError(f"{value!r} is not a share; write it like 0.9 or 90%")
    return float(value)


def _read_percent(value: Any) -> int | float:
    if isinstance(value, str) and value.strip().endswith("%"):
        number = _scaled(value.strip()[:-1], {"": 1}, "85 or 85%")
    elif isinstance(value, str) or not 0 <= _number(value, {}, "85 or 85%") <= 100:
        raise ValueError(f"{value!r} is no percentage; write it like 85 or 85%")
    else:
        number = Fraction(str(value))
        if 0 < number <= 1:
            raise ValueError(
                f"{value} would be {value} %: percentages are meant, 85 for 85 %; "
                f'write {float(number * 100):g}, or "{value}%" if that is meant'
            )
    if not 0 <= number <= 100:
        raise ValueError(f"{value!r} is no percentage between 0 and 100")
    return int(number) if number.denominator == 1 else float(number)


def _read_points(value: Any) -> int | float:
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not 0 < value <= MOST_POINTS  # not a number is neither
    ):
        raise ValueError(f"{value!r} are no points; write a number above 0, like 10 or 2.5")
    return int(value) if value == int(value) else value


def _schema(kind: str, suffixes: dict[str, int]) -> WithJsonSchema:
    names = "|".join(_any_case(suffix) for suffix in suffixes if suffix)
    pattern = rf"^\s*{_DIGITS}\s*({names})?\s*$"
    return WithJsonSchema({"anyOf": [{"type": kind}, {"type": "string", "pattern": pattern}]})


def _any_case(suffix: str) -> str:
    return "".join(f"[{letter.lower()}{letter.upper()}]" for letter in suffix)


_SHARE = {
    "anyOf": [
        {"type": "number", "minimum": 0, "maximum": 1},
        {"type": "string", "pattern": r"^\s*([0-9]{1,2}(\.[0-9]+)?|100(\.0+)?)\s*%\s*$"},
    ]
}

Number = Annotated[int, BeforeValidator(_read_count), _schema("integer", _COUNTS)]
"""A whole number: 200000, 200_000, 200k, 1.5M."""
Bytes = Annotated[int, BeforeValidator(_read_bytes), _schema("integer", _BYTES)]
"""A number of bytes: 250 KB, 250 KiB."""
Real = Annotated[int | float, BeforeValidator(_read_real), _schema("number", _COUNTS)]
"""Any number."""
Share = Annotated[float, BeforeValidator(_read_share), WithJsonSchema(_SHARE)]
"""A share between 0 and 1, or a percentage."""
_PERCENT = {
    "anyOf": [
        {"const": 0},
        {"type": "number", "exclusiveMinimum": 1, "maximum": 100},
        {"type": "string", "pattern": r"^\s*([0-9]{1,2}(\.[0-9]+)?|100(\.0+)?)\s*%\s*$"},
    ]
}
Percent = Annotated[int | float, BeforeValidator(_read_percent), WithJsonSchema(_PERCENT)]
"""A percentage between 0 and 100: 85 is 85 %. What could be a share, 0.85, is refused."""
Points = Annotated[
    int | float,
    BeforeValidator(_read_points),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": MOST_POINTS}),
]
"""Points: whole or not, above 0."""
