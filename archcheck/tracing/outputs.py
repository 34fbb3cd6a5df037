"""The tensors that a forward pass returns, in whatever they are packed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any

import torch
from torch import nn

_SEQUENCES = (tuple, list, set, frozenset, deque)
_NO_PACKING = (nn.Module, type, FunctionType, ModuleType)
"""What may be returned along with tensors and holds others, which are not returned."""


def labelled(output: Any) -> Iterator[tuple[str, torch.Tensor]]:
    """Each tensor of an output with its label: its place in tuples, lists, mappings and objects,
    as in ``boxes.0``; empty for the only one."""
    return _labelled(output, "", set())


def _labelled(output: Any, label: str, within: set[int]) -> Iterator[tuple[str, torch.Tensor]]:
    if isinstance(output, torch.Tensor):
        yield label, output
        return
    if id(output) in within:  # it holds itself
        return
    within = within | {id(output)}
    packed = [(key, item) for key, item in _items(output) if _holds_tensor(item, within)]
    for key, item in packed:
        inner = f"{label}.{key}" if label else str(key)
        yield from _labelled(item, label if len(packed) == 1 and not label else inner, within)


def _holds_tensor(value: Any, within: set[int]) -> bool:
    return next(_labelled(value, "", within), None) is not None


def _items(value: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        return value.items()
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return zip(value._fields, value, strict=True)
    if isinstance(value, _SEQUENCES):
        return enumerate(value)
    if isinstance(value, _NO_PACKING):
        return ()
    slots = {name: getattr(value, name, None) for name in _slots(type(value))}
    return {**slots, **getattr(value, "__dict__", {})}.items()


def _slots(kind: type) -> list[str]:
    """The attributes of a class that keeps them in slots."""
    slots = [vars(base).get("__slots__", ()) for base in kind.__mro__]
    names = [name for own in slots for name in ((own,) if isinstance(own, str) else own)]
    return [name for name in names if not name.startswith("__")]
