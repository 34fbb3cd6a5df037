"""Putting together what the source says of a pipeline and what its live objects are.

What the source says is kept. The live objects supply what is not known from it: values that are
worked out, lists that are put together; and what the installed version makes of the arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from archcheck.augmentation.recorded import RecordedScript
from archcheck.augmentation.source import Source
from archcheck.evidence.augmentation import Argument, Pipeline, Transform, Unknown
from archcheck.network import Place

DEEPEST_NESTING = 20
MOST_TRANSFORMS = 50_000
"""How many transforms are made of the objects: they may hold each other."""


class LiveObjects:
    """What a script constructed."""

    def __init__(self, recorded: RecordedScript, file: str) -> None:
        self.objects = recorded.objects
        self.names = recorded.names
        self.count = 0
        self._at: dict[int, list[int]] = {}
        for number, made in enumerate(self.objects):
            if made.file == file:
                self._at.setdefault(made.line, []).append(number)

    def at(self, transform: Transform) -> list[int]:
        """The objects that the line of a transform constructed."""
        place = transform.place
        if place is None:
            return []
        return [
            number
            for number in self._at.get(place.line, ())
            if self.objects[number].name == transform.name
            and self.objects[number].column in (0, place.column)  # 0: not kept
        ]

    def outermost(self) -> list[int]:
        """Compositions that are no part of another one."""
        inner = {child for made in self.objects for child in made.children}
        return [
            number
            for number, made in enumerate(self.objects)
            if made.composition and number not in inner
        ]

    def transform(self, number: int, depth: int = 0) -> Transform:
        """An object as a transform, by itself."""
        self.count += 1
        if (
            not 0 <= number < len(self.objects)
            or depth > DEEPEST_NESTING
            or self.count > MOST_TRANSFORMS
        ):
            return Transform("", unknown="it is no transform of albumentations")
        made = self.objects[number]
        place = Place(made.file, made.line, made.column or None)
        return Transform(
            name=made.name,
            place=place,
            arguments=tuple(Argument(name, _value(v), place) for name, v in made.given),
            children=tuple(self.transform(child, depth + 1) for child in made.children),
            effective={name: _value(value) for name, value in made.effective.items()},
            dropped=tuple(made.dropped),
        )


def joined(source: Source, live: LiveObjects) -> tuple[Pipeline, ...]:
    """The pipelines of both: those of the source first, then those that only ran."""
    pipelines = [Pipeline(p.name, _joined(p.root, live)) for p in source.pipelines]
    seen = {number for p in source.pipelines for t in p.root.walk() for number in live.at(t)}
    named = {number: name for name, number in reversed(live.names.items())}
    for number in live.outermost():
        if number not in seen:
            pipelines.append(Pipeline(named.get(number, ""), live.transform(number)))
    return tuple(pipelines)


def _joined(transform: Transform, live: LiveObjects) -> Transform:
    children = tuple(_joined(child, live) for child in transform.children)
    transform = replace(transform, children=children)
    numbers = live.at(transform) if transform.name else []
    if not numbers:
        return transform
    made = [live.transform(number) for number in numbers]
    first = made[0]
    if any(other != first for other in made[1:]):
        return transform  # it was constructed several times, in different ways
    if any(not child.name for child in children):
        children = _supplied(children, first.children)
    return replace(
        transform,
        arguments=_arguments(transform, first.arguments),
        children=children,
        incomplete="",
        effective=first.effective,
        dropped=first.dropped,
    )


def _supplied(written: Sequence[Transform], made: Sequence[Transform]) -> tuple[Transform, ...]:
    """The children that were made, each as the source says it where it does."""
    at = {(c.name, c.place.line, c.place.column): c for c in written if c.name and c.place}
    return tuple(
        at.get((child.name, child.place.line, child.place.column), child) if child.place else child
        for child in made
    )


def _arguments(transform: Transform, made: Sequence[Argument]) -> tuple[Argument, ...]:
    """The source's arguments, with names and values that only the object knows."""
    by_name = {argument.name: argument for argument in made}
    arguments = []
    for number, argument in enumerate(transform.arguments):
        live = by_name.get(argument.name)
        if not argument.name and number < len(made):
            live = made[number]
            argument = replace(argument, name=live.name)
        if live is not None and isinstance(argument.value, Unknown):
            argument = replace(argument, value=live.value)
        arguments.append(argument)
    if transform.incomplete:
        names = {argument.name for argument in arguments}
        arguments += [argument for argument in made if argument.name not in names]
    return tuple(arguments)


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_value(item) for item in value)
    if isinstance(value, dict):
        if set(value) == {"?"}:
            return Unknown(f"it is a {value['?']}")
        return {name: _value(item) for name, item in value.items()}
    return value
