"""The arguments that classes and functions take."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from typing import Any


def parameters_of(target: Any) -> Mapping[str, inspect.Parameter] | None:
    """The parameters of something that is called, None if they are not known."""
    try:
        return inspect.signature(target).parameters
    except (TypeError, ValueError):
        return None


def named(target: Any) -> list[inspect.Parameter]:
    """The parameters that can be given by name."""
    return [
        p
        for p in (parameters_of(target) or {}).values()
        if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    ]


def missing(target: Any, arguments: Collection[str]) -> list[str]:
    """The names of the arguments that it needs and is not given."""
    return [p.name for p in named(target) if p.default is p.empty and p.name not in arguments]


def unknown(target: Any, arguments: Collection[str]) -> list[str]:
    """The names of the arguments that it does not take."""
    parameters = parameters_of(target)
    if parameters is None or any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return []
    names = {p.name for p in named(target)}
    return [name for name in arguments if name not in names]


def is_open(target: Any) -> bool:
    """Whether it takes any number of things, such as layers: without them it is empty."""
    return any(p.kind is p.VAR_POSITIONAL for p in (parameters_of(target) or {}).values())
