"""Layers that forward calls and the network does not hold as modules, in a plain list say."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from archcheck.network import Place


class Unregistered:
    """Those that were called, each with the line of its first call."""

    def __init__(self) -> None:
        self._calls: dict[nn.Module, Place | None] = {}

    def add(self, module: nn.Module, called: Place | None) -> None:
        """A module outside the network's own was called."""
        if module._parameters:
            self._calls.setdefault(module, called)

    def notes(self) -> tuple[str, ...]:
        """That their parameters do not count; nothing where there are none."""
        held = {
            module: sum(p.numel() for p in module._parameters.values() if p is not None)
            for module in self._calls
        }
        layers = [module for module, count in held.items() if count]
        if not layers:
            return ()
        place = self._calls[layers[0]]
        line = f" ({Path(place.file).name}:{place.line})" if place else ""
        others = f" and {len(layers) - 1} more layers are" if len(layers) > 1 else " is"
        return (
            f"{type(layers[0]).__name__}{line}{others} called but no module of the network: "
            f"{sum(held.values()):,} parameters do not count (nn.ModuleList holds what a plain "
            "list does not)",
        )
