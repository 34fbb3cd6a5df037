"""What an edit does to a network, from the traces before and after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from archcheck.network import Network, Op, kinds
from archcheck.network.attributes import attributes
from archcheck.phrases import how_many, per_axis, some_of
from archcheck.spec import Report

_ATTRIBUTES = (
    "in_channels",
    "out_channels",
    "in_features",
    "out_features",
    "kernel_size",
    "stride",
    "dilation",
    "padding",
    "groups",
    "bias",
    "output_size",
)
_SHOWN = kinds.CONVOLUTIONS | kinds.TRANSPOSED_CONVOLUTIONS | kinds.POOLS | kinds.LINEAR
MOST_NAMED = 3
"""How many layers with the same change are named."""


@dataclass(frozen=True)
class Changed:
    """What changed of some layers: an attribute, or what they are."""

    layers: tuple[str, ...]
    attributes: tuple[tuple[str, Any, Any], ...]

    def __str__(self) -> str:
        """``trans2.0: dilation 2 → 9, padding 0 → 7``."""
        parts = [f"{name} {before} → {after}".strip() for name, before, after in self.attributes]
        return f"{some_of(self.layers, MOST_NAMED)}: {', '.join(parts)}"


@dataclass(frozen=True)
class Effect:
    """The difference between two reports on a network.

    ``rules`` are those that failed, each with what was found before and after; ``shapes`` is how
    many tensors have another shape.
    """

    changed: tuple[Changed, ...]
    rules: tuple[tuple[str, str, str], ...]
    parameters: tuple[int, int]
    macs: tuple[int | None, int | None]
    shapes: int

    def __str__(self) -> str:
        """In a line."""
        parts = [f"{rule} {before} → {after}" for rule, before, after in self.rules]
        same = []
        named = {rule for rule, _, _ in self.rules}
        for name, (before, after) in (("parameters", self.parameters), ("MACs", self.macs)):
            if before == after:
                same.append(name)
            elif name.lower() not in named:
                parts.append(f"{name} {_number(before)} → {_number(after)}")
        if self.shapes:
            parts.append(f"{how_many(self.shapes, 'tensor')} of another shape")
        else:
            same.append("shapes")
        if same:
            parts.append(f"{_listed(same)} unchanged")
        return "; ".join([*map(str, self.changed)]) + ": " + ", ".join(parts)


def effect_of(before: Report, after: Report) -> Effect:
    """What an edit did to a network, both of which ran."""
    old, new = before.network, after.network
    assert old is not None and new is not None
    failed = [
        (finding.name, finding.verdict.found_text, other.verdict.found_text)
        for finding, other in zip(before.findings, after.findings, strict=False)
        if finding.fails and not finding.aside
    ]
    return Effect(
        tuple(_changed(old, new)),
        tuple(failed),
        (old.num_parameters, new.num_parameters),
        (old.macs, new.macs),
        other_shapes(old, new),
    )


def other_shapes(before: Network, after: Network) -> int:
    """How many results of operations have another shape."""
    pairs = zip(before.ops, after.ops, strict=False)
    return sum(
        before.shape(a.outputs[0]) != after.shape(b.outputs[0])
        for a, b in pairs
        if a.outputs and b.outputs
    ) + abs(len(before.ops) - len(after.ops))


def _changed(before: Network, after: Network) -> Iterator[Changed]:
    grouped: dict[tuple[tuple[str, Any, Any], ...], list[str]] = {}
    types = {m.path: m.type for m in before.modules}, {m.path: m.type for m in after.modules}
    for a, b in zip(before.ops, after.ops, strict=False):
        if a.kind not in _SHOWN and b.kind not in _SHOWN:
            continue
        name = a.module or _function(a)
        differing = tuple(_differences(before, a, after, b, types))
        if differing and name not in grouped.setdefault(differing, []):
            grouped[differing].append(name)
    for differing, names in grouped.items():
        if names:
            yield Changed(tuple(names), differing)


def _function(op: Op) -> str:
    return f"{op.kind} ({op.called})" if op.called else op.kind


def _differences(
    before: Network,
    a: Op,
    after: Network,
    b: Op,
    types: tuple[dict[str, str], dict[str, str]],
) -> Iterator[tuple[str, Any, Any]]:
    old, new = attributes(before, a), attributes(after, b)
    if a.kind != b.kind:
        was, now = types[0].get(a.module, a.kind), types[1].get(b.module, b.kind)
        yield "", *((was, now) if was != now else (a.kind, b.kind))
        return
    for name in _ATTRIBUTES:
        if old.get(name) != new.get(name):
            yield name.removesuffix("_size"), _text(old.get(name)), _text(new.get(name))


def _text(value: Any) -> Any:
    return per_axis(value) if isinstance(value, (tuple, list)) else value


def _number(value: int | None) -> str:
    return "unknown" if value is None else f"{value:,}"


def _listed(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]
