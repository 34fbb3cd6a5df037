"""Values that a source leaves open, as far as Normalize says what they have to be.

What Normalize subtracts is the data's mean. Where a fill is worked out of the same parameter, that
is all that has to be known of it: 255 times what Normalize takes for the mean is the data's mean on
the scale from 0 to 255, whatever it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from archcheck.evidence.augmentation import Transform, Unknown
from archcheck.rules.transforms.arguments import Given, is_number

_MOST_SLACK = 0.01
"""Rounding may change a value by this share of the distance from black to white."""


def settled(root: Transform, mean: Sequence[float], most: float) -> Transform:
    """A pipeline with the values that follow from what Normalize takes for the data's mean.

    Args:
        root: the pipeline.
        mean: the data's, of pixels between 0 and 1, one a channel.
        most: the highest value of a pixel.
    """
    solved = _Solved(tuple(mean), most * _MOST_SLACK)
    for transform in root.walk():
        if transform.name == "Normalize" and not transform.own:
            solved.learn(Given(transform).raw.get("mean"))
    return solved.transform(root) if solved.values else root


class _Solved:
    """The values of symbols: numbers, or one a channel."""

    def __init__(self, mean: tuple[float, ...], slack: float) -> None:
        self.mean = mean
        self.slack = slack
        self.values: dict[str, Any] = {}

    def learn(self, written: Any) -> None:
        """Take what Normalize is given for the data's mean."""
        if isinstance(written, Unknown):
            if written.symbol and written.scale:
                self._keep(written.symbol, tuple(_solved(written, part) for part in self.mean))
        elif isinstance(written, tuple) and len(written) == len(self.mean):
            for one, part in zip(written, self.mean, strict=True):
                if isinstance(one, Unknown) and one.symbol and one.scale:
                    self._keep(one.symbol, _solved(one, part))

    def _keep(self, symbol: str, value: Any) -> None:
        if self.values.setdefault(symbol, value) != value:
            self.values[symbol] = None  # it cannot be the data's mean at both places

    def transform(self, transform: Transform) -> Transform:
        """A transform, and those in it, with the values that are known now."""
        return replace(
            transform,
            arguments=tuple(replace(a, value=self.value(a.value)) for a in transform.arguments),
            children=tuple(self.transform(child) for child in transform.children),
        )

    def value(self, value: Any) -> Any:
        """A value, as far as it is known now."""
        if isinstance(value, tuple):
            return tuple(map(self.value, value))
        if not isinstance(value, Unknown) or value.slack > self.slack:
            return value
        symbol = self._symbol(value.symbol)
        if isinstance(symbol, tuple):
            return tuple(part * value.scale + value.offset for part in symbol)
        return symbol * value.scale + value.offset if is_number(symbol) else value

    def _symbol(self, symbol: str) -> Any:
        if symbol in self.values:
            return self.values[symbol]
        whole, _, index = symbol.removesuffix("]").rpartition("[")
        parts = self.values.get(whole)
        if isinstance(parts, tuple) and index.isdigit() and int(index) < len(parts):
            return parts[int(index)]
        found = [self.values.get(name) for name in self._parts(symbol)]
        return tuple(found) if all(map(is_number, found)) else None

    def _parts(self, symbol: str) -> Iterator[str]:
        return (f"{symbol}[{number}]" for number in range(len(self.mean)))


def _solved(written: Unknown, value: float) -> float:
    return (value - written.offset) / written.scale
