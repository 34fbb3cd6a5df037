"""What functions and layers of torch are called, and which are not torch's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.overrides import resolve_name

from archcheck.network.kinds import kind_of

_KNOWN_OWNERS = ("torch.", "aten.", "prims.", "torchvision.")
"""The beginnings of the names of functions that do what their names say."""
_BY_PYTHON = frozenset("array_wrap apply map map2".split())
"""Kinds whose results Python or numpy compute."""
NEW = "torch.Tensor.new"
_PARAMETRIZE = "torch.nn.utils.parametrize"
"""The module in which torch defines the classes of parametrized layers."""


def _part(name: str) -> property:
    """A part of complex numbers as a property. To set it is to write to a view of it."""
    view = getattr(torch._C.TensorBase, name).__get__
    return property(view, lambda tensor, value: view(tensor).copy_(value))


COMPLEX_PARTS = {name: _part(name) for name in ("real", "imag")}
"""Properties that take the place of torch's own, whose setters no function mode sees."""
_STANDING_IN = {
    part.__get__: f"torch.Tensor.{name}.__get__" for name, part in COMPLEX_PARTS.items()
}


def public_name(func: Callable[..., Any]) -> str:
    """The public name of a torch function, such as ``torch.nn.functional.conv2d``."""
    name: str | None = _STANDING_IN.get(func) or resolve_name(func)
    if name is None:
        owner = getattr(func, "__module__", None) or "torch"
        name = f"{owner}.{getattr(func, '__name__', type(func).__name__)}"
    return name


def named(func: Callable[..., Any]) -> tuple[str, str, bool]:
    """The public name of a function, its kind, and whether the name marks it as in place.

    One that is not torch's own is a kind for itself, whatever its last name: anything may happen
    in it.
    """
    function = public_name(func)
    if not function.startswith(_KNOWN_OWNERS):
        return function, function, False
    return (function, *kind_of(function))


def is_foreign(function: str, kind: str) -> bool:
    """Whether something else than torch computes what a function gives, which nobody sees."""
    return kind in _BY_PYTHON or not function.startswith(_KNOWN_OWNERS)


def kind_of_new(args: Sequence[Any]) -> str:
    """What ``x.new(...)`` does: it leaves memory as it is, hands a tensor on, or takes numbers."""
    if any(isinstance(each, torch.Tensor) for each in args):
        return "data"
    sizes = all(isinstance(each, (int, torch.Size)) for each in args)
    return "new_empty" if sizes else "new_tensor"


def layer_class(kind: type) -> tuple[str, bool]:
    """The name of a module's class, and whether it is one of torch's layers.

    A parametrized layer is known by the class it had before.
    """
    if kind.__module__ == _PARAMETRIZE and kind.__name__.startswith("Parametrized"):
        kind = kind.__bases__[0]
    return kind.__name__, kind.__module__.startswith("torch.nn.")
