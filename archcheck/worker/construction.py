"""Recording the line at which every module was constructed; a copy is where its original was."""

from __future__ import annotations

import copy
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from torch import nn

from archcheck.network import Place
from archcheck.worker.source_locations import around, construction

_built: dict[int, tuple[weakref.ref[nn.Module], Place]] = {}
"""By the module's id: its own hash and equality may not work while it is constructed."""


@contextmanager
def constructions_recorded() -> Iterator[None]:
    """While this is entered, the line that constructs a module is recorded."""
    original, copying = nn.Module.__init__, vars(nn.Module).get("__deepcopy__")

    def recording_init(self: nn.Module, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        place = construction(self)
        if place is not None:
            _remember(self, place)

    nn.Module.__init__ = recording_init  # type: ignore[method-assign]
    nn.Module.__deepcopy__ = _recording_copy  # type: ignore[attr-defined]
    try:
        yield
    finally:
        nn.Module.__init__ = original  # type: ignore[method-assign]
        if copying is None:
            del nn.Module.__deepcopy__  # type: ignore[attr-defined]


def _recording_copy(module: nn.Module, memo: dict[int, Any]) -> nn.Module:
    """What ``copy.deepcopy`` does with an object that has no method for it."""
    result: nn.Module = copy._reconstruct(module, memo, *module.__reduce_ex__(4))  # type: ignore[attr-defined]
    place = built_at(module)
    if place is not None:
        _remember(result, place)
    return result


def built_at(module: nn.Module) -> Place | None:
    """Where a module was constructed, None if that was not recorded."""
    entry = _built.get(id(module))
    return entry[1] if entry is not None and entry[0]() is module else None


def outermost_construction() -> tuple[nn.Module | None, Place | None]:
    """The outermost module that is being constructed in the running forward, and the line that
    does."""
    layer, init = None, None
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_name != "_call_impl":
        code = frame.f_code
        if code.co_name == "__init__" and code.co_argcount:
            instance = frame.f_locals.get(code.co_varnames[0])
            if isinstance(instance, nn.Module):
                layer, init = instance, frame
        frame = frame.f_back
    return layer, None if init is None else around(init)


def _remember(module: nn.Module, place: Place) -> None:
    key = id(module)
    _built[key] = (weakref.ref(module, lambda _: _built.pop(key, None)), place)
