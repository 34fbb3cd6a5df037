"""What the mean of the data is where a transform stands in its pipeline.

Images come as uint8, 0 to 255, unless a ``Normalize`` or ``ToFloat`` says otherwise with its own
maximum. Each of these changes the scale for what stands behind it: ``Normalize`` makes
``(x - mean * max) / (std * max)`` of x, so that the mean of normalised data is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from archcheck.evidence.augmentation import Transform, Unknown
from archcheck.rules.transforms.arguments import Given, Unclear, is_number, shown

IN_ORDER = frozenset({"Compose", "ReplayCompose", "Sequential"})
"""Compositions that apply all of their transforms one after the other."""
RESCALING = frozenset({"Normalize", "ToFloat", "FromFloat"})
OPAQUE = frozenset({"Lambda"})
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""The mean and deviation that Normalize takes by itself."""
UINT8 = 255.0
DEVIATIONS = (0.1, 0.5)
"""Between these lies the deviation of pictures' pixels, as a share of the distance from black to
white; 0.5 is the largest that there can be."""


@dataclass(frozen=True)
class Scale:
    """Pixels at one place of a pipeline: ``mean`` is the data's, ``unit`` how much there is
    between black and white, both a channel; ``words`` say it."""

    mean: tuple[float, ...]
    unit: tuple[float, ...]
    words: str

    def is_near(self, value: Any, tolerance: float) -> bool:
        """Whether a fill is the mean, up to a share of the distance from black to white."""
        if is_number(value):
            value = (value,) * len(self.mean)
        if not isinstance(value, tuple) or len(value) != len(self.mean):
            return False
        return all(
            is_number(part) and abs(part - mean) <= tolerance * abs(unit) + 1e-9
            for part, mean, unit in zip(value, self.mean, self.unit, strict=True)
        )


def highest(root: Transform) -> float | None:
    """The highest value of the images that a pipeline is given, if one of its transforms says so.

    Raises:
        Unclear: if that is worked out when the script runs.
    """
    for transform in root.walk():
        if transform.name == "Normalize" and not transform.own:
            most = _argument(transform, "max_pixel_value", UINT8)
        elif transform.name == "ToFloat" and not transform.own:
            most = _argument(transform, "max_value", None)
            most = UINT8 if most is None else most
        else:
            continue
        if is_number(most) and most > 0:
            return float(most)
        raise Unclear(f"{transform.name} takes {shown(most)} for the highest value of a pixel")
    return None


def scales_at(
    root: Transform, target: Transform, mean: Sequence[float], most: float
) -> tuple[Scale, ...]:
    """The scale of the pixels that reach a transform; several if it may be one or the other.

    Args:
        root: the pipeline.
        target: a transform in it.
        mean: the data's, of pixels between 0 and 1, one a channel.
        most: the highest value of the images that the pipeline is given.

    Raises:
        Unclear: if it depends on chance, or on what cannot be seen.
    """
    values = tuple(part * most for part in mean)
    first = Scale(values, (most,) * len(values), f"pixels go from 0 to {most:g} here")
    scales: list[Scale] = []
    for before in _before(root, target):
        reached = [first]
        for transform in before:
            reached = [behind for scale in reached for behind in _behind(transform, scale)]
        scales += reached
    return tuple(scales)


def _before(root: Transform, target: Transform) -> list[list[Transform]]:
    """What is applied before a transform, in order, as far as it changes the scale: one list for
    each order that there may be."""
    if root is target or not root.children:
        return [[]]
    number = next(
        number
        for number, child in enumerate(root.children)
        if any(part is target for part in child.walk())
    )
    others = [child for place, child in enumerate(root.children) if place != number]
    ways: list[list[Transform]] = [[]]
    if root.unordered:
        changing = [changes for child in others if (changes := _changes(child))]
        if len(changing) > 1:
            raise Unclear(f"the order of what {root.name} holds is not known: it is a set")
        ways += changing
    elif root.name in IN_ORDER:
        ways = [[part for child in root.children[:number] for part in _changes(child)]]
    elif root.name not in ("OneOf", "OneOrOther") and any(_changes(child) for child in others):
        raise Unclear(f"{root.name} may change the pixels' scale before")
    inner = _before(root.children[number], target)
    return [[*way, *rest] for way in ways for rest in inner]


def _changes(transform: Transform) -> list[Transform]:
    """What of a transform changes the scale for those behind it, surely and always."""
    changing = [t for t in transform.walk() if _is_changing(t)]
    for part in changing:
        given = Given(part)
        chance = given.raw.get("p", 1)
        if chance == 0:
            return []
        if chance != 1 and given.raw.get("always_apply") is not True:
            raise Unclear(f"{part.name} changes the pixels' scale only sometimes")
    if changing and changing != [transform]:
        for part in transform.walk():
            if not part.children:
                continue
            # Of these Compose alone is applied every time by itself.
            usual = 1 if part.name in ("Compose", "ReplayCompose") else 0.5
            if part.name not in IN_ORDER or Given(part).raw.get("p", usual) != 1:
                raise Unclear(f"{part.name} changes the pixels' scale only sometimes")
    return changing


def _is_changing(transform: Transform) -> bool:
    if not transform.name:
        raise Unclear(f"what stands before is not known: {transform.unknown}")
    if transform.own or transform.altered or transform.name in OPAQUE:
        raise Unclear(f"{transform.name} stands before and may change the pixels' scale")
    return transform.name in RESCALING


def _behind(transform: Transform, scale: Scale) -> list[Scale]:
    """The scale behind a transform that changes it; several for a deviation that is not known."""
    if transform.name == "FromFloat":
        raise Unclear("FromFloat changes the pixels' scale in a way that depends on the version")
    if transform.name == "ToFloat":
        most = _argument(transform, "max_value", None)
        most = UINT8 if most is None else most
        if not is_number(most) or most <= 0:
            raise Unclear(f"ToFloat divides by {shown(most)}")
        return [
            Scale(
                tuple(part / most for part in scale.mean),
                tuple(part / most for part in scale.unit),
                f"behind ToFloat pixels go from 0 to {scale.unit[0] / most:g}",
            )
        ]
    if _argument(transform, "normalization", "standard") != "standard":
        raise Unclear("Normalize works each image's own mean out")
    channels = len(scale.mean)
    means = _channels(_argument(transform, "mean", IMAGENET[0]), channels)
    most = _argument(transform, "max_pixel_value", UINT8)
    ways = _deviations(transform, channels)
    if not is_number(most) or most <= 0 or any(0 in deviations for deviations in ways):
        raise Unclear("Normalize is given what it cannot divide by")
    return [_normalized(scale, means, deviations, most) for deviations in ways]


def _normalized(
    scale: Scale, means: Sequence[float], deviations: Sequence[float], most: float
) -> Scale:
    return Scale(
        tuple(
            (part - mean * most) / (deviation * most)
            for part, mean, deviation in zip(scale.mean, means, deviations, strict=True)
        ),
        tuple(
            unit / (deviation * most)
            for unit, deviation in zip(scale.unit, deviations, strict=True)
        ),
        "behind Normalize",
    )


def _deviations(transform: Transform, channels: int) -> list[tuple[float, ...]]:
    """The deviations that Normalize divides by, or the bounds of what they can be."""
    given = Given(transform)
    written = given.raw.get("std")
    parts = written if isinstance(written, tuple) else (written,)
    if any(isinstance(part, Unknown) for part in parts):
        return [(bound,) * channels for bound in DEVIATIONS]
    return [_channels(_argument(transform, "std", IMAGENET[1]), channels)]


def _channels(value: Any, count: int) -> tuple[float, ...]:
    if is_number(value):
        return (float(value),) * count
    if isinstance(value, tuple) and len(value) == count and all(map(is_number, value)):
        return tuple(map(float, value))
    raise Unclear(f"Normalize is given {shown(value)} for {count} channels")


def _argument(transform: Transform, name: str, default: Any) -> Any:
    """An argument whose default is the same in every version."""
    given = Given(transform)
    if name in given.raw or transform.incomplete:
        return given[name]
    return default
