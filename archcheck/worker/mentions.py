"""What the classes, functions and instances of a file are made of."""

from __future__ import annotations

import dis
import functools
import inspect
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType
from typing import Any

from torch import nn

from archcheck.worker.registered import modules_of

_CONTAINERS = (dict, list, tuple)
_NO_FORWARD = (None, nn.Module.forward)


def mentioned_by(start: Any, names: Mapping[str, Any]) -> dict[int, Any]:
    """The classes, functions and instances that a value's code or content mentions, by their ids.

    Functions and containers are looked into, other classes and instances are not. ``names`` are
    those of the module.
    """
    found: dict[int, Any] = {}
    waiting, seen = [start], {id(start)}
    while waiting:
        for item in _content(waiting.pop(), names):
            if id(item) in seen:
                continue
            seen.add(id(item))
            if not isinstance(item, _CONTAINERS):
                found[id(item)] = item
            if isinstance(item, (FunctionType, *_CONTAINERS)):
                waiting.append(item)
    return found


def abstract_bases(kind: type) -> Iterator[type]:
    """The bases of a class that have no forward or abstract methods, so that they are no networks
    themselves."""
    return (
        base
        for base in kind.__mro__[1:]
        if inspect.isabstract(base) or getattr(base, "forward", None) in _NO_FORWARD
    )


def _content(value: Any, names: Mapping[str, Any]) -> Iterator[Any]:
    items: list[Any]
    if isinstance(value, type):
        items = [inspect.unwrap(getattr(m, "__func__", m)) for m in vars(value).values() if m]
    elif isinstance(value, FunctionType):
        items = [names[name] for name in _global_names(value.__code__) if name in names]
        items += [*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()]
    elif isinstance(value, nn.Module):
        inner = modules_of(value)[1:]
        items = [*inner, *map(type, inner)]
    elif isinstance(value, dict):
        items = list(value.values())
    elif isinstance(value, functools.partial):
        items = [value.func, *value.args, *value.keywords.values()]
    elif isinstance(value, (list, tuple)):
        items = list(value)
    else:  # what a decorator made of a function
        items = []
    for item in items:
        if isinstance(item, (type, FunctionType, nn.Module, *_CONTAINERS)):
            yield item


def _global_names(code: CodeType) -> Iterator[str]:
    """The names of the module that a function reads; attributes may have the same names."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _global_names(constant)
