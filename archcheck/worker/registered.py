"""What a network registers, out of nn.Module's own tables.

Its methods may be overridden, and its modules may be equal to each other, or have no hash.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn

own_attributes = nn.Module.__dict__["__dict__"].__get__
"""The attributes of a module, whatever its class says they are."""


def modules_of(model: nn.Module) -> list[nn.Module]:
    """A model and all modules in it, each once."""
    found: dict[int, nn.Module] = {}
    left = [model]
    while left:
        module = left.pop()
        if id(module) not in found:
            found[id(module)] = module
            left += reversed([value for _, value in _table(module, "_modules")])
    return list(found.values())


def parameters_of(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """The parameters of a model with their names in their own modules."""
    for module in modules_of(model):
        yield from _table(module, "_parameters")


def _table(module: nn.Module, name: str) -> list[tuple[str, Any]]:
    items = (own_attributes(module).get(name) or {}).items()
    return [(key, value) for key, value in items if value is not None]
