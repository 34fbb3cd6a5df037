"""Putting together what the source says of a pipeline and what its live objects are.

What the source says is kept. The live objects supply what is not known from it: values that are
worked out, lists that are put together; and what the installed version makes of the arguments.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from archcheck.augmentation.library import COMPOSITIONS
from archcheck.augmentation.recorded import RecordedScript, Signature
from archcheck.augmentation.source import Source
from archcheck.evidence.augmentation import Argument, Pipeline, Transform, Unknown
from archcheck.network import Place
from archcheck.rules.transforms.arguments import HOLES, is_number
from archcheck.worker.scripts import placed

DEEPEST_NESTING = 20
MOST_TRANSFORMS = 50_000
"""How many transforms are made of the objects: they may hold each other."""


class LiveObjects:
    """What a script constructed."""

    def __init__(self, recorded: RecordedScript) -> None:
        self.objects = recorded.objects
        self.names = recorded.names
        self.signatures = recorded.signatures
        self.count = 0
        self._at: dict[tuple[str, int], list[int]] = {}
        for number, made in enumerate(self.objects):
            self._at.setdefault((made.file, made.line), []).append(number)

    def at(self, transform: Transform) -> list[int]:
        """The objects that the line of a transform constructed."""
        place = transform.place
        if place is None:
            return []
        return [
            number
            for number in self._at.get((place.file, place.line), ())
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
        place = placed(Place(made.file, made.line, made.column or None))
        return Transform(
            name=made.name,
            place=place,
            arguments=tuple(Argument(name, _value(v), place) for name, v in made.given),
            children=tuple(self.transform(child, depth + 1) for child in made.children),
            effective={name: _value(value) for name, value in made.effective.items()},
            dropped=tuple(made.dropped),
            own=made.own,
            altered=made.altered,
        )

    def signed(self, transform: Transform) -> Transform:
        """A transform of the source with the installed version's defaults, and the arguments that
        it drops."""
        signature = self.signatures.get(transform.name)
        if signature is None or transform.own:
            return transform
        arguments = _with_names(transform, signature)
        values = {a.name: a.value for a in arguments if a.name in signature.parameters}
        known = {"", "strict", *signature.parameters}
        return replace(
            transform,
            arguments=arguments,
            effective={**{n: _value(v) for n, v in signature.defaults.items()}, **values},
            dropped=tuple(
                argument.name
                for argument in arguments
                if argument.name not in known and not signature.takes_any
            ),
        )


def _with_names(transform: Transform, signature: Signature) -> tuple[Argument, ...]:
    """The arguments of a transform; those by position under the names that they have in the
    installed version, if it is one that they can be meant for."""
    first = transform.arguments[0] if transform.arguments else None
    if first is None or first.name or (transform.name in HOLES and is_number(first.value)):
        return transform.arguments
    names = signature.parameters[1 if transform.name in COMPOSITIONS else 0 :]
    return tuple(
        replace(argument, name=argument.name or (names[number] if number < len(names) else ""))
        for number, argument in enumerate(transform.arguments)
    )


def joined(source: Source, live: LiveObjects) -> tuple[Pipeline, ...]:
    """The pipelines of both: those of the source first, then those that only ran."""
    counts = dict(source.counts) | dict.fromkeys(_in_several_ways(source), math.inf)
    pipelines = [replace(p, root=_joined(p.root, live, counts)) for p in source.pipelines]
    seen = {number for p in source.pipelines for t in p.root.walk() for number in live.at(t)}
    named = {number: name for name, number in reversed(live.names.items())}
    for number in live.outermost():
        if number not in seen:
            pipelines.append(Pipeline(named.get(number, ""), live.transform(number)))
    return tuple(pipelines)


def _in_several_ways(source: Source) -> set[Place]:
    """Where the source makes a transform in several ways, so that an object may be of any."""
    at: dict[Place, set[Transform]] = {}
    for pipeline in source.pipelines:
        for transform in pipeline.root.walk():
            if transform.place is not None and transform.name:
                at.setdefault(transform.place, set()).add(transform)
    return {place for place, ways in at.items() if len(ways) > 1}


def _joined(transform: Transform, live: LiveObjects, counts: Mapping[Place, float]) -> Transform:
    children = tuple(_joined(child, live, counts) for child in transform.children)
    transform = live.signed(replace(transform, children=children))
    numbers = live.at(transform) if transform.name else []
    if not numbers or (transform.place and len(numbers) < counts.get(transform.place, 1)):
        return transform  # it is made otherwise, or elsewhere too
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
