"""Arguments of transforms under one name each, whatever version they were written for.

albumentations 1 said ``max_holes=1, max_height=16, max_width=16, fill_value=...`` where version 2
says ``num_holes_range=(1, 1), hole_height_range=(16, 16), hole_width_range=(16, 16), fill=...``.
In version 1 a minimum that is not given is the maximum.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from archcheck.evidence.augmentation import Transform, Unknown
from archcheck.rules.transforms.names import CURRENT, FILL_ALIASES

HOLES = frozenset({"CoarseDropout", "Cutout"})
RANGES = {
    "num_holes_range": ("min_holes", "max_holes"),
    "hole_height_range": ("min_height", "max_height"),
    "hole_width_range": ("min_width", "max_width"),
}
"""What version 2 of CoarseDropout gives as a pair, and the two arguments it was before."""
_CUTOUT = {
    "num_holes": "num_holes_range",
    "max_h_size": "hole_height_range",
    "max_w_size": "hole_width_range",
}
_FILLS = {old: new for new, aliases in FILL_ALIASES.items() for old in aliases}
_ONE_SIDED = frozenset({"blur_limit", "clip_limit", "gamma_limit"})
"""Limits of which a single number is no pair around zero."""
_FIRST = {
    name: tuple(order.split())
    for name, order in {
        "Affine": "scale translate_percent translate_px rotate shear interpolation",
        "Blur": "blur_limit",
        "CenterCrop": "height width",
        "ColorJitter": "brightness contrast saturation hue",
        "Cutout": "num_holes max_h_size max_w_size fill_value",
        "HueSaturationValue": "hue_shift_limit sat_shift_limit val_shift_limit",
        "Normalize": "mean std max_pixel_value",
        "PadIfNeeded": "min_height min_width pad_height_divisor pad_width_divisor position",
        "RandomBrightnessContrast": "brightness_limit contrast_limit brightness_by_max",
        "RandomCrop": "height width",
        "Resize": "height width interpolation",
        "Rotate": "limit interpolation border_mode",
        "ShiftScaleRotate": "shift_limit scale_limit rotate_limit interpolation border_mode",
        "ToFloat": "max_value",
    }.items()
}
"""The order of positional arguments, as far as it is the same in all versions."""
_DROPOUT_1 = (*(high for _, high in RANGES.values()), *(low for low, _ in RANGES.values()))
_DROPOUT_1 = (*_DROPOUT_1, "fill_value", "mask_fill_value")
_DROPOUT_2 = (*RANGES, "fill", "fill_mask", "p")


class Contradiction(Exception):
    """Arguments that cannot be meant together; ``argument`` is the one to point at."""

    def __init__(self, argument: str, reason: str) -> None:
        super().__init__(reason)
        self.argument = argument
        self.reason = reason


class Unclear(Exception):
    """What an argument comes to is not known; the text says why."""


def canonical(name: str, written: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of a transform under version 2's names, ranges as pairs.

    Raises:
        Contradiction: if two of them exclude each other.
        Unclear: if they mean different things in different versions.
    """
    arguments: dict[str, Any] = {}
    said: dict[str, str] = {}
    pairs = {part: whole for whole, parts in RANGES.items() for part in parts}
    for key, value in written.items():
        new = renamed(name, key)
        if name in HOLES and (new in pairs or (new in RANGES and value is None)):
            continue
        if new in said and value is not None:
            raise Contradiction(key, f"{key} and {said[new]} mean the same")
        if new in RANGES and name in HOLES:
            value = pair(new, value)
        elif new.endswith("limit") and new not in _ONE_SIDED and is_number(value):
            value = (-abs(value), abs(value))
        if new not in said:
            arguments[new], said[new] = value, key
    sizes: dict[str, Any] = {}
    if name in HOLES:
        for whole, (low, high) in RANGES.items():
            both = _together(whole, written.get(low), written.get(high), low, high)
            if both is None:
                continue
            if whole in arguments:
                raise Contradiction(whole, f"{whole} and {high} mean the same")
            sizes[whole] = both
    return {**sizes, **arguments}


def renamed(name: str, argument: str) -> str:
    """An argument's name in version 2; one of the two that a range was before stays as it is."""
    if argument in CURRENT.get(name, ()):
        return argument
    new = _FILLS.get(argument, argument)
    return _CUTOUT.get(new, new) if name == "Cutout" else new


def _together(whole: str, least: Any, most: Any, low: str, high: str) -> Any:
    if isinstance(least, Unknown) or isinstance(most, Unknown):
        return least if isinstance(least, Unknown) else most
    if most is None:
        if least is not None:
            raise Unclear(f"{low} is given without {high}, whose default depends on the version")
        return None
    least = most if least is None else least
    for name, value in ((low, least), (high, most)):
        if not is_number(value):
            raise Contradiction(name, f"{name} is a number, not {shown(value)}")
    if least > most:
        raise Contradiction(
            high,
            f"nothing can be at least {shown(least)} and at most {shown(most)}: "
            f"{low} is {shown(least)}, {high} is {shown(most)}",
        )
    return pair(whole, (least, most))


def pair(name: str, value: Any) -> Any:
    """A range as a pair of its lowest and highest value.

    Raises:
        Contradiction: if no hole can have it.
    """
    if isinstance(value, Unknown):
        return value
    both = (value, value) if is_number(value) else value
    if not isinstance(both, (tuple, list)) or len(both) != 2 or not all(map(is_number, both)):
        for part in both if isinstance(both, (tuple, list)) else ():
            if isinstance(part, Unknown):
                return part
        raise Contradiction(name, f"{name} is a pair of numbers, not {shown(value)}")
    low, high = both
    if low > high:
        raise Contradiction(name, f"nothing can be from {shown(low)} to {shown(high)}")
    if high <= 0 or low < 0:
        raise Contradiction(name, f"{name} has to be above 0, not {shown(value)}")
    if name == "num_holes_range" and any(part != int(part) or part < 1 for part in both):
        raise Contradiction(name, f"holes are counted in whole numbers, not {shown(value)}")
    return (low, high)


class Given:
    """The arguments of a transform in a submission, with the defaults where they are known."""

    def __init__(self, transform: Transform) -> None:
        self.transform = transform
        self.fault: Contradiction | None = None
        self.unclear = ""
        names = _named(transform)
        self._unnamed = [value for name, value in names if not name]
        self.raw = {name: value for name, value in names if name}
        try:
            self._values = canonical(transform.name, self.raw)
        except Contradiction as error:
            self._values, self.fault = {}, error
        except Unclear as error:
            self._values, self.unclear = {}, str(error)

    def __getitem__(self, name: str) -> Any:
        """An argument by version 2's name: as it was written, else the default.

        Raises:
            Unclear: if it is not known.
        """
        value = self._values[name] if name in self._values else self._default(name)
        parts = value if isinstance(value, tuple) else (value,)
        for part in parts:
            if isinstance(part, Unknown):
                raise Unclear(f"{name} is not known: {part.reason}")
        return value

    def _default(self, name: str) -> Any:
        transform = self.transform
        if self.unclear or transform.incomplete:
            raise Unclear(self.unclear or transform.incomplete)
        if self._unnamed:
            raise Unclear("an argument without a name means different things in different versions")
        if transform.name in HOLES and name in FILL_ALIASES:
            return 0 if name == "fill" else None  # in every version
        if transform.effective is not None and not self.is_for_another_version:
            effective = canonical(transform.name, transform.effective)
            if name in effective:
                return effective[name]
        raise Unclear(f"{name} is not given, and its default depends on the version")

    def says(self, name: str) -> bool:
        """Whether an argument was written."""
        return name in self._values

    @property
    def is_for_another_version(self) -> bool:
        """Whether the installed version drops some of what was written."""
        return bool(self.transform.dropped)

    @property
    def applied(self) -> bool:
        """Whether it is ever applied, as far as its own chance goes.

        Raises:
            Unclear: if that is not known.
        """
        if self.raw.get("always_apply") is True:
            return True
        if "p" not in self.raw:
            # An argument by position may be p, or always_apply in version 1.
            if self.transform.incomplete or any(map(_may_be_zero, self._unnamed)):
                raise Unclear("how often it is applied (p) is not known")
            return True  # no default is 0
        chance = self.raw["p"]
        if isinstance(chance, Unknown):
            raise Unclear(f"p is not known: {chance.reason}")
        return not (is_number(chance) and chance <= 0)


def _named(transform: Transform) -> list[tuple[str, Any]]:
    """Names and values; positional ones get the names that they have in every version."""
    order: Sequence[str] = _FIRST.get(transform.name, ())
    if transform.name == "CoarseDropout" and transform.arguments:
        first = transform.arguments[0].value
        order = _DROPOUT_2 if isinstance(first, tuple) else _DROPOUT_1
    found = []
    for number, argument in enumerate(transform.arguments):
        name = argument.name or (order[number] if number < len(order) else "")
        found.append((name, argument.value))
    return found


def _may_be_zero(value: Any) -> bool:
    return isinstance(value, Unknown) or not value


def is_number(value: Any) -> bool:
    """Whether a value is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def same(one: Any, other: Any) -> bool:
    """Whether two values of an argument are the same, numbers up to rounding."""
    if isinstance(one, (tuple, list)) and isinstance(other, (tuple, list)):
        return len(one) == len(other) and all(map(same, one, other))
    if is_number(one) and is_number(other):
        return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-9)
    return type(one) is type(other) and bool(one == other)


def shown(value: Any) -> str:
    """A value as people read it: ``(125.3, 123, 113.9)``."""
    if isinstance(value, (tuple, list)):
        return f"({', '.join(map(shown, value))})"
    if is_number(value) and isinstance(value, float):
        return f"{value:.4g}"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
