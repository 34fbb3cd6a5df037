"""What a network registers, out of nn.Module's own tables.

Its methods may be overridden, and its modules may be equal to each other, or have no hash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from torch import nn

own_attributes: Callable[[nn.Module], dict[str, Any]] = nn.Module.__dict__["__dict__"].__get__
"""The attributes of a module, whatever its class says they are: its tables of what is registered
among them."""
_NONE: dict[str, Any] = {}


def table_of(module: nn.Module, name: str) -> dict[str, Any]:
    """What a module registers in a table, with None for what it might have and has not."""
    return own_attributes(module).get(name) or _NONE


def registered(module: nn.Module, name: str) -> dict[str, Any]:
    """What a module registers in a table."""
    table = table_of(module, name)
    return {key: value for key, value in table.items() if value is not None} if table else {}


def modules_of(model: nn.Module) -> list[nn.Module]:
    """A model and all modules in it, each once."""
    found: dict[int, nn.Module] = {}
    left = [model]
    while left:
        module = left.pop()
        if id(module) not in found:
            found[id(module)] = module
            left += reversed(registered(module, "_modules").values())
    return list(found.values())


def parameters_of(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """The parameters of a model with their names in their own modules."""
    for module in modules_of(model):
        yield from registered(module, "_parameters").items()
