"""Layers that forward calls but the network does not register, as in a plain list."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from archcheck.network import Place


class Unregistered:
    """The unregistered layers that were called, each with the line of its first call."""

    def __init__(self) -> None:
        self._calls: dict[int, tuple[nn.Module, Place | None]] = {}

    def add(self, module: nn.Module, called: Place | None) -> None:
        """Note the call of a module that the network does not register."""
        if module._parameters:
            self._calls.setdefault(id(module), (module, called))

    def notes(self) -> tuple[str, ...]:
        """A remark that their parameters do not count; empty if they have no parameters."""
        sizes = [
            (module, place, sum(p.numel() for p in module._parameters.values() if p is not None))
            for module, place in self._calls.values()
        ]
        layers = [each for each in sizes if each[2]]
        if not layers:
            return ()
        first, place, _ = layers[0]
        line = f" ({Path(place.file).name}:{place.line})" if place else ""
        others = f" and {len(layers) - 1} more layers are" if len(layers) > 1 else " is"
        return (
            f"{type(first).__name__}{line}{others} called but no module of the network: "
            f"{sum(count for _, _, count in layers):,} parameters do not count (nn.ModuleList "
            "holds what a plain list does not)",
        )
