"""The transforms that the source makes, as the evidence has them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

from archcheck.augmentation.interpreter.values import (
    Class,
    Function,
    Instance,
    Items,
    Named,
    Passed,
    Rest,
    Transformed,
    Value,
    bare,
    place_of,
    text_of,
)
from archcheck.evidence.augmentation import Argument, Transform, Unknown
from archcheck.network import Place

DEEPEST_NESTING = 20
MOST_TRANSFORMS = 5_000
"""How many transforms there may be in one pipeline."""


@dataclass
class Converter:
    """Makes the transforms of one pipeline; symbols are numbered anew in each."""

    symbols: dict[str, str] = field(default_factory=dict)
    parts: set[int] = field(default_factory=set)
    """Transforms that were met inside a composition, by their identity."""
    count: int = 0

    def transform(self, made: Transformed, depth: int = 0) -> Transform:
        """A transform, with those inside it."""
        self.count += 1
        place = place_of(made.node, made.file)
        if depth > DEEPEST_NESTING or self.count > MOST_TRANSFORMS:
            return Transform("", place, unknown="there are too many transforms")
        if made.is_composition and made.altered:
            return Transform("", place, unknown=made.altered)
        if depth:
            self.parts.add(id(made))
        return Transform(
            made.name,
            place,
            tuple(self._argument(one) for one in made.arguments),
            self._children(made, depth + 1),
            made.incomplete,
            own=made.own,
            altered=made.altered,
            unordered=made.unordered,
        )

    def _children(self, made: Transformed, depth: int) -> tuple[Transform, ...]:
        if made.held is not None and made.held.changes != made.held_changes:
            reason = f"what {made.name} holds is changed after it was made"
            return (Transform("", place_of(made.node, made.file), unknown=reason),)
        return tuple(
            self._child(child, place_of(node, made.file), depth)
            for child, node in zip(made.children, made.children_nodes, strict=True)
        )

    def _child(self, value: Value, place: Place, depth: int) -> Transform:
        value = bare(value)
        match value:
            case Transformed():
                return self.transform(value, depth)
            case Rest():
                return Transform("", place, unknown=value.unknown.reason)
            case Unknown():
                return Transform("", place, unknown=value.reason)
            case Instance():
                return _of_own_class(value.of, place)
        return Transform("", place, unknown="it is no transform of albumentations")

    def _argument(self, one: Passed) -> Argument:
        return Argument(one.name, self._value(one.value), one.place)

    def _value(self, value: Value) -> Any:
        value = bare(value)
        match value:
            case None | bool() | int() | float() | str():
                return value
            case Items() if value.kind == "set":
                return Unknown("the order of a set is not known")
            case Items() | tuple():
                parts = value.items if isinstance(value, Items) else value
                rest = next((part for part in parts if isinstance(part, Rest)), None)
                return rest.unknown if rest else tuple(map(self._value, parts))
            case Unknown():
                return replace(value, symbol=self._symbol(value.symbol))
            case Named():
                return Unknown(f"it is {value.dotted}", is_open=False)
            case Transformed():
                return Unknown(f"it is {text_of(value.node)}")
            case Function() | Class():
                return Unknown("it is a function or class")
        return Unknown("it is only known when the script runs")

    def _symbol(self, symbol: str) -> str:
        """A symbol, numbered by where it first stands in the pipeline."""
        root = re.match(r"#\d+", symbol)
        if root is None:
            return ""
        number = self.symbols.setdefault(root[0], f"#{len(self.symbols) + 1}")
        return f"{number}{symbol[root.end() :]}"


def _of_own_class(of: Class | Named, place: Place) -> Transform:
    """A transform that is not albumentations' own."""
    if isinstance(of, Named):
        return Transform(of.dotted.rpartition(".")[2], place, own=True)
    unknown = next((base for base in of.lineage() if isinstance(base, Unknown)), None)
    if unknown is not None:
        return Transform("", place, unknown=f"{of.node.name} is derived from what is not known")
    return Transform(of.node.name, place, own=True)
