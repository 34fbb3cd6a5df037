"""Layers that forward calls but the network does not register, as in a plain list."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import nn

from archcheck.network import Place


class Unregistered:
    """The unregistered layers that were called, each with its parameters and the line of its first
    call."""

    def __init__(self) -> None:
        self._calls: dict[int, tuple[nn.Module, Place | None, Sequence[nn.Parameter]]] = {}

    def add(
        self, module: nn.Module, parameters: Sequence[nn.Parameter], called: Place | None
    ) -> None:
        """Note the call of a module that the network does not register, with its own parameters:
        those that ``torch.func.functional_call`` lends it are none."""
        if parameters:
            self._calls.setdefault(id(module), (module, called, parameters))

    def notes(self) -> tuple[str, ...]:
        """A remark that their parameters do not count; empty if they have no parameters."""
        layers = [
            (module, place, sum(p.numel() for p in parameters))
            for module, place, parameters in self._calls.values()
        ]
        layers = [each for each in layers if each[2]]
        if not layers:
            return ()
        first, place, _ = layers[0]
        line = f" ({Path(place.file).name}:{place.line})" if place else ""
        others = f" and {len(layers) - 1} more layers are" if len(layers) > 1 else " is"
        return (
            f"{type(first).__name__}{line}{others} called but no module of the network: "
            f"{sum(size for _, _, size in layers):,} parameters do not count "
            "(nn.ModuleList holds what a plain list does not)",
        )
