"""What the mean of the data is where a transform stands in its pipeline.

Images come as uint8, 0 to 255, unless a ``Normalize`` or ``ToFloat`` says otherwise with its own
maximum. Each of these changes the scale for what stands behind it: ``Normalize`` makes
``(x - mean * max) / (std * max)`` of x, so that the mean of normalised data is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from archcheck.evidence.augmentation import Transform
from archcheck.rules.transforms.arguments import Given, Unclear, is_number, shown

IN_ORDER = frozenset({"Compose", "ReplayCompose", "Sequential"})
"""Compositions that apply all of their transforms one after the other."""
RESCALING = frozenset({"Normalize", "ToFloat", "FromFloat"})
OPAQUE = frozenset({"Lambda"})
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""The mean and deviation that Normalize takes by itself."""
UINT8 = 255.0


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


def scale_at(root: Transform, target: Transform, mean: Sequence[float], most: float) -> Scale:
    """The scale of the pixels that reach a transform.

    Args:
        root: the pipeline.
        target: a transform in it.
        mean: the data's, of pixels between 0 and 1, one a channel.
        most: the highest value of the images that the pipeline is given.

    Raises:
        Unclear: if it depends on chance, or on what cannot be seen.
    """
    values = tuple(part * most for part in mean)
    scale = Scale(values, (most,) * len(values), f"pixels go from 0 to {most:g} here")
    for transform in _before(root, target):
        scale = _behind(transform, scale)
    return scale


def _before(root: Transform, target: Transform) -> list[Transform]:
    """What is applied before a transform, in order, as far as it changes the scale."""
    if root is target or not root.children:
        return []
    number = next(
        number
        for number, child in enumerate(root.children)
        if any(part is target for part in child.walk())
    )
    found: list[Transform] = []
    if root.name in IN_ORDER:
        for child in root.children[:number]:
            found += _changes(child)
    elif root.name not in ("OneOf", "OneOrOther"):
        others = [child for child in root.children if not any(p is target for p in child.walk())]
        if any(_changes(child) for child in others):
            raise Unclear(f"{root.name} may change the pixels' scale before")
    return found + _before(root.children[number], target)


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
    if transform.own or transform.name in OPAQUE:
        raise Unclear(f"{transform.name} stands before and may change the pixels' scale")
    return transform.name in RESCALING


def _behind(transform: Transform, scale: Scale) -> Scale:
    if transform.name == "FromFloat":
        raise Unclear("FromFloat changes the pixels' scale in a way that depends on the version")
    if transform.name == "ToFloat":
        most = _argument(transform, "max_value", None)
        most = UINT8 if most is None else most
        if not is_number(most) or most <= 0:
            raise Unclear(f"ToFloat divides by {shown(most)}")
        return Scale(
            tuple(part / most for part in scale.mean),
            tuple(part / most for part in scale.unit),
            f"behind ToFloat pixels go from 0 to {scale.unit[0] / most:g}",
        )
    if _argument(transform, "normalization", "standard") != "standard":
        raise Unclear("Normalize works each image's own mean out")
    channels = len(scale.mean)
    means = _channels(_argument(transform, "mean", IMAGENET[0]), channels)
    deviations = _channels(_argument(transform, "std", IMAGENET[1]), channels)
    most = _argument(transform, "max_pixel_value", UINT8)
    if not is_number(most) or 0 in deviations or most <= 0:
        raise Unclear("Normalize is given what it cannot divide by")
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
