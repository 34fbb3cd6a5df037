"""Recording the line at which every module was constructed."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from archcheck.network import Place
from archcheck.worker.source_locations import construction

_built: dict[int, tuple[weakref.ref[nn.Module], Place]] = {}
"""By the module's id: its own hash and equality may not work while it is constructed."""


@contextmanager
def constructions_recorded() -> Iterator[None]:
    """While this is entered, the line that constructs a module is recorded."""
    original = nn.Module.__init__

    def recording_init(self: nn.Module, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        place = construction(self)
        if place is not None:
            _remember(self, place)

    nn.Module.__init__ = recording_init  # type: ignore[method-assign]
    try:
        yield
    finally:
        nn.Module.__init__ = original  # type: ignore[method-assign]


def built_at(module: nn.Module) -> Place | None:
    """Where a module was constructed, None if that was not recorded."""
    entry = _built.get(id(module))
    return entry[1] if entry is not None and entry[0]() is module else None


def _remember(module: nn.Module, place: Place) -> None:
    key = id(module)
    _built[key] = (weakref.ref(module, lambda _: _built.pop(key, None)), place)
