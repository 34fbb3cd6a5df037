"""Comparing what a spec asks of a pipeline with what stands in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from archcheck.evidence.augmentation import Pipeline, Transform
from archcheck.network import Place
from archcheck.rules.options import Measure
from archcheck.rules.transforms.arguments import (
    HOLES,
    RANGES,
    Contradiction,
    Given,
    Unclear,
    is_number,
    same,
    shown,
)
from archcheck.rules.transforms.fill import UINT8, Scale, highest, scales_at
from archcheck.rules.transforms.holes import in_pixels, in_words, same_size
from archcheck.rules.transforms.names import FILL_ALIASES
from archcheck.rules.transforms.wanted import MEAN, Asked, Wanted

_RESIZING = ("Crop", "Resize", "Pad", "MaxSize", "RandomScale")
"""Parts of the names of transforms that change the image's size."""
_HOLE_WORDS = {
    "num_holes_range": "holes",
    "hole_height_range": "hole height",
    "hole_width_range": "hole width",
}
_ALTERNATIVES = frozenset({"OneOf", "SomeOf", "RandomOrder", "OneOrOther"})


@dataclass(frozen=True)
class Context:
    """What is known of the data: the image's sides in pixels, if they are; the mean of pixels
    between 0 and 1; the highest value of a pixel that the spec says images have, if it does. And
    the transforms that the script makes outside of any pipeline."""

    sides: tuple[int, int] | None
    mean: tuple[float, ...] | None
    tolerance: float
    highest: float | None
    loose: tuple[Transform, ...] = ()


@dataclass(frozen=True)
class Remark:
    """What is wrong, or not known, at one place.

    Of an argument, ``name`` is its name in version 2 and ``right`` the value that it has to have;
    None if several will do.
    """

    text: str
    place: Place | None
    label: str
    hint: str = ""
    transform: Transform | None = None
    name: str = ""
    right: Any = None


@dataclass(frozen=True)
class Match:
    """What became of one wish: held by a transform, or why not."""

    wanted: Wanted
    held_by: Transform | None = None
    faults: tuple[Remark, ...] = ()
    unclear: tuple[Remark, ...] = ()
    note: str = ""


def match(wanted: Wanted, pipeline: Pipeline, context: Context) -> Match:
    """Whether a pipeline has one of the transforms that are wanted, as it is wanted."""
    tried: list[Match] = []
    for asked in wanted.any_of:
        for transform, above in _with_parents(pipeline.root, ()):
            if transform.name == asked.name and not transform.own:
                tried.append(_compared(wanted, asked, transform, above, pipeline, context))
    held = next((a for a in tried if a.held_by is not None), None)
    if held is not None:
        return held
    if tried:
        # One that may hold leaves it open; else the one that comes closest is reported.
        return min(tried, key=lambda a: (len(a.faults), len(a.unclear)))
    opaque = [part for part in pipeline.root.walk() if not part.name]
    if opaque:
        text = f"{wanted} was not found, but a part of the pipeline is not known"
        remark = Remark(f"{text}: {opaque[0].unknown}", opaque[0].place, "not known")
        return Match(wanted, unclear=(remark,))
    names = {one.name for one in wanted.any_of}
    for loose in context.loose:
        if loose.name in names and not loose.own:
            text = f"{loose.name} is made outside of the pipeline; how it is used is not known"
            return Match(wanted, unclear=(Remark(text, loose.place, "not in the pipeline"),))
    held_names = ", ".join(part.name for part in pipeline.root.walk() if not part.children)
    missing = Remark(
        f"{wanted} is missing",
        pipeline.root.place,
        f"{wanted} is missing",
        f"it holds {held_names}",
    )
    return Match(wanted, faults=(missing,))


def _with_parents(
    transform: Transform, above: tuple[Transform, ...]
) -> Iterator[tuple[Transform, tuple[Transform, ...]]]:
    yield transform, above
    for child in transform.children:
        yield from _with_parents(child, (*above, transform))


def _compared(
    wanted: Wanted,
    asked: Asked,
    transform: Transform,
    above: Sequence[Transform],
    pipeline: Pipeline,
    context: Context,
) -> Match:
    faults: list[Remark] = []
    unclear: list[Remark] = []
    for part in (*above, transform):
        try:
            if not Given(part).applied:
                whose = "" if part is transform else f" of the {part.name} around it"
                text = f"{transform.name} is never applied: p{whose} is 0"
                faults.append(_at(part, "p", text))
        except Unclear as error:
            unclear.append(_at(part, "p", f"{part.name}: {error}"))
    if transform.altered:
        unclear.append(_at(transform, "", f"{transform.name}: {transform.altered}"))
    given = Given(transform)
    if given.fault is not None:
        text = f"{transform.name}: {given.fault.reason}"
        faults.append(_at(transform, given.fault.argument, text))
    else:
        for name, value in asked.arguments.items():
            try:
                fault = _fault(name, value, given, pipeline, context)
            except (Unclear, Contradiction) as error:
                unclear.append(_at(transform, name, f"{transform.name}: {error}"))
            else:
                if fault is not None:
                    faults.append(fault)
    if faults or unclear:
        return Match(wanted, faults=tuple(faults), unclear=tuple(unclear))
    choice = next((part for part in above if part.name in _ALTERNATIVES), None)
    note = ""
    if choice is not None:
        note = f"{transform.name} is one of {len(choice.children)} in {choice.name}"
    return Match(wanted, held_by=transform, note=note)


def _fault(
    name: str, wanted: Any, given: Given, pipeline: Pipeline, context: Context
) -> Remark | None:
    """What is wrong with an argument, None if nothing is."""
    transform = given.transform
    if wanted == MEAN and isinstance(wanted, str):
        return _fill_fault(name, given, pipeline, context)
    value = given[name]
    if transform.name in HOLES and name in RANGES:
        return _range_fault(name, wanted, value, given, pipeline, context)
    if isinstance(wanted, Measure):
        parts = value if isinstance(value, tuple) else (value,)
        if parts and all(is_number(part) and wanted.holds(part) for part in parts):
            return None
        text = wanted.describe()
    else:
        spread = name in FILL_ALIASES and is_number(value) and isinstance(wanted, tuple)
        if same(wanted, (value,) * len(wanted) if spread else value):
            return None
        text = shown(wanted)
    said = f"{transform.name} has {_written(name, given)} {shown(value)}"
    fault = _at(transform, name, f"{said}; {text} is required")
    return fault if isinstance(wanted, Measure) else replace(fault, right=wanted)


def _range_fault(
    name: str, wanted: Any, value: Any, given: Given, pipeline: Pipeline, context: Context
) -> Remark | None:
    transform, counts = given.transform, name == "num_holes_range"
    side = None if counts else _side(name, pipeline, transform, context)
    if not counts:
        other = "hole_width_range" if name == "hole_height_range" else "hole_height_range"
        if given.says(other) and (value[1] < 1) != (given[other][1] < 1):
            raise Unclear("one side of its holes is given in pixels, the other as a share")
    if isinstance(wanted, Measure):
        sizes = value if counts else in_pixels(value, side)
        holds, text = all(map(wanted.holds, sizes)), wanted.describe()
    elif counts:
        holds, text = same(wanted, value), in_words(wanted, None)
    else:
        holds, text = same_size(wanted, value, side), in_words(wanted, side)
    if holds:
        return None
    said = f"{transform.name} has {_HOLE_WORDS[name]} {in_words(value, side)}"
    fault = _at(transform, name, f"{said}; {text} is required")
    return fault if isinstance(wanted, Measure) else replace(fault, right=wanted)


def _side(name: str, pipeline: Pipeline, transform: Transform, context: Context) -> int | None:
    """The image's height or width where a transform stands.

    What leaves the pipeline has the network's input size, so it is known unless something behind
    changes it.
    """
    if context.sides is None:
        return None
    every = list(pipeline.root.walk())
    behind = every[next(n for n, part in enumerate(every) if part is transform) + 1 :]
    if any(not part.name or any(word in part.name for word in _RESIZING) for part in behind):
        return None
    return context.sides[0 if name == "hole_height_range" else 1]


def _fill_fault(name: str, given: Given, pipeline: Pipeline, context: Context) -> Remark | None:
    transform = given.transform
    assert context.mean is not None  # as the options were validated
    value = given[name]
    root = pipeline.root
    most = context.highest or highest(root)
    scales = scales_at(root, transform, context.mean, most or UINT8)
    near = {scale.is_near(value, context.tolerance) for scale in scales}
    if near == {True}:
        return None
    said = f"{_written(name, given)} {shown(value)}"
    if True in near:
        words = " or ".join(dict.fromkeys(scale.words for scale in scales))
        raise Unclear(f"{said} may be the data's mean or not: {words}")
    if most is None and any(
        scale.is_near(value, context.tolerance)
        for scale in scales_at(root, transform, context.mean, 1.0)
    ):
        raise Unclear(
            f"{said} is the data's mean if pixels go from 0 to 1, and nothing in the pipeline "
            "says how far they go"
        )
    scale = scales[0]
    required = f"the data's mean, {shown(_rounded(scale))} ({scale.words}), is required"
    text = f"{transform.name} has {said}; {required}"
    hint = _fill_hint(value, scale, context)
    return replace(_at(transform, name, text, hint), right=_rounded(scale))


def _fill_hint(value: Any, scale: Scale, context: Context) -> str:
    assert context.mean is not None
    parts = value if isinstance(value, tuple) else (value,)
    if not all(map(is_number, parts)):
        return ""
    for most, words in ((1.0, "from 0 to 1"), (UINT8, "from 0 to 255")):
        other = Scale(tuple(m * most for m in context.mean), (most,) * len(context.mean), "")
        if other.is_near(value, context.tolerance):
            return f"this is the mean of pixels that go {words}"
    return ""


def _rounded(scale: Scale) -> tuple[float, ...]:
    mean = tuple(
        round(part, 4 if abs(unit) < 10 else 1)
        for part, unit in zip(scale.mean, scale.unit, strict=True)
    )
    return tuple(0.0 if part == 0 else part for part in mean)


def _written(name: str, given: Given) -> str:
    """The name that an argument was given under, else its own."""
    return next((alias for alias in FILL_ALIASES.get(name, ()) if alias in given.raw), name)


def _at(transform: Transform, name: str, text: str, hint: str = "") -> Remark:
    """A remark at an argument, under whatever name it was given, else at the transform."""
    names = {name, *RANGES.get(name, ()), *FILL_ALIASES.get(name, ())}
    places = [a.place for a in transform.arguments if a.name in names and a.place]
    # The highest value stands for a range; a place in another file is the object's, not the text's.
    place = places[-1] if places else transform.place
    return Remark(text, place, text.partition(", required")[0], hint, transform, name)
