"""A transform that a spec asks for: its name, or several to choose from, and its arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from archcheck.errors import closest, did_you_mean, nearest
from archcheck.rules.options import Measure
from archcheck.rules.transforms.arguments import (
    HOLES,
    RANGES,
    Contradiction,
    Unclear,
    canonical,
    is_number,
    renamed,
)
from archcheck.rules.transforms.holes import is_share
from archcheck.rules.transforms.names import FILL_ALIASES, NAMES, arguments_of

MEAN = "mean"
"""Stands for the data's mean among the values of ``fill``."""


@dataclass(frozen=True)
class Asked:
    """One transform and its arguments under version 2's names; a value or a :class:`Measure`."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Wanted:
    """Transforms of which one has to be there."""

    any_of: tuple[Asked, ...]

    def __str__(self) -> str:
        return " or ".join(asked.name for asked in self.any_of)

    def as_data(self) -> list[dict[str, Any]]:
        """The transforms as plain data, one entry each."""
        return [
            {
                asked.name: {
                    key: value.given if isinstance(value, Measure) else value
                    for key, value in asked.arguments.items()
                }
            }
            for asked in self.any_of
        ]

    @property
    def needs_mean(self) -> bool:
        """Whether the data's mean is asked for."""
        return any(MEAN in asked.arguments.values() for asked in self.any_of)


SCHEMA: dict[str, Any] = {
    "description": "A transform's name, a name with arguments, or a list of which one has to be "
    "there.",
    "anyOf": [
        {"type": "string", "enum": list(NAMES)},
        {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "propertyNames": {"pattern": f"^({'|'.join(NAMES)})$"},
            "additionalProperties": {"type": ["object", "null"]},
        },
        {"type": "array", "minItems": 1, "items": {"type": ["string", "object"]}},
    ],
}


class _Wrong(Exception):
    def __init__(self, reason: str, *place: str | int) -> None:
        super().__init__(reason)
        self.place = place


def read_wanted(value: Any) -> Wanted:
    """What stands in a spec as what it asks for.

    Raises:
        ValidationError: with the place, if it is a misspelt name or nothing can meet it.
    """
    try:
        if isinstance(value, list) and value:
            return Wanted(tuple(_asked(item, number) for number, item in enumerate(value)))
        return Wanted((_asked(value),))
    except _Wrong as error:
        reason = PydanticCustomError("augmentation", "{reason}", {"reason": str(error)})
        raise ValidationError.from_exception_data(
            "transforms", [InitErrorDetails(type=reason, loc=error.place, input=value)]
        ) from None


def _asked(value: Any, *place: str | int) -> Asked:
    arguments: Any = {}
    if isinstance(value, str):
        name = value
    elif isinstance(value, dict) and len(value) == 1:
        name, arguments = next(iter(value.items()))
        place = (*place, str(name))
        arguments = {} if arguments is None else arguments
    else:
        raise _Wrong(
            f"{value!r} is no transform; write its name, or {{CoarseDropout: {{max_holes: 1}}}}",
            *place,
        )
    if name not in NAMES:
        lower = {known.lower(): known for known in NAMES}
        known = lower.get(str(name).lower().replace("_", ""), nearest(str(name), NAMES))
        hint = did_you_mean(known)
        raise _Wrong(f'albumentations has no transform "{name}"{hint}', *place)
    if not isinstance(arguments, dict):
        raise _Wrong(f"{name} takes a mapping of its arguments, not {arguments!r}", *place)
    takes = arguments_of(name)
    for argument in arguments:
        if argument not in takes:
            hint = closest(str(argument), takes)
            raise _Wrong(f'{name} has no argument "{argument}"{hint}', *place, str(argument))
    return Asked(name, _expected(name, arguments, place))


def _expected(
    name: str, arguments: Mapping[str, Any], place: tuple[str | int, ...]
) -> dict[str, Any]:
    """The arguments as what is compared: ranges as pairs, comparisons as such."""
    bounds: dict[str, Any] = {
        key: value for key, value in arguments.items() if isinstance(value, dict)
    }
    for key, value in bounds.items():
        whole = next((whole for whole, parts in RANGES.items() if key in parts), "")
        if name in HOLES and whole:
            raise _Wrong(f"write a comparison of sizes as {whole}: {value}", *place, key)
        try:
            bounds[key] = Measure.model_validate(value)
        except ValidationError as error:
            said = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise _Wrong(f"{key}: {said}", *place, key) from None
    plain = {key: _value(value) for key, value in arguments.items() if key not in bounds}
    try:
        found = canonical(name, plain)
        if name in HOLES:
            for key in ("hole_height_range", "hole_width_range"):
                if found.get(key):
                    is_share(found[key])
    except Contradiction as error:
        where = (error.argument,) if error.argument in arguments else ()
        raise _Wrong(error.reason, *place, *where) from None
    except Unclear as error:
        raise _Wrong(f"{error}: say which is meant", *place) from None
    for key, bound in bounds.items():
        new = renamed(name, key)
        if new in found:
            raise _Wrong(f"{key} is asked for twice", *place, key)
        found[new] = bound
    for key, value in found.items():
        if value == MEAN and key not in FILL_ALIASES:
            raise _Wrong(f"{key} cannot be the data's mean", *place)
    chance = plain.get("p")
    if chance is not None and not (is_number(chance) and 0 < chance <= 1):
        raise _Wrong(f"p is a chance above 0 and at most 1, not {chance!r}", *place, "p")
    return found


def _value(value: Any) -> Any:
    return tuple(map(_value, value)) if isinstance(value, list) else value
