"""Where forward switches gradients off, or has a backward of its own.

The pass itself keeps no gradients: what forward asks for is noted, by the operations in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from archcheck.network import Op, Place
from archcheck.network.model import Stretch
from archcheck.tracing.makers import replaced
from archcheck.worker.source_locations import caller

_Function = Callable[..., Any]
_SWITCHES: dict[type, Callable[[Any], bool]] = {
    torch.no_grad: lambda switch: True,
    torch.enable_grad: lambda switch: False,
    torch.set_grad_enabled: lambda switch: not switch.mode,
    torch.inference_mode: lambda switch: bool(switch.mode),
}
"""The contexts that switch gradients off or on, and whether one of them does it off."""
_CHECKPOINTS = "torch.utils.checkpoint"


@dataclass
class Gradients:
    """``ops`` are the operations so far."""

    ops: Sequence[Op]
    without: list[Stretch] = field(default_factory=list)
    """Stretches without gradients."""
    own: list[Stretch] = field(default_factory=list)
    """Stretches in functions with a backward of their own."""
    _off: list[tuple[bool, Place | None]] = field(default_factory=lambda: [(False, None)])
    _since: int = 0

    def enter(self, off: bool) -> None:
        """Note that gradients are switched from here on."""
        self._end()
        self._off.append((off, caller()))

    def leave(self) -> None:
        """Note that they are again as they were before."""
        self._end()
        self._off.pop()

    def _end(self) -> None:
        off, place = self._off[-1]
        if off and self._since < len(self.ops):
            self.without.append(Stretch(self._since, len(self.ops), place))
        self._since = len(self.ops)

    def watched(self, forward: _Function) -> _Function:
        """The forward of a function with a backward of its own, noted when it runs."""

        def call(*args: Any, **kwargs: Any) -> Any:
            first = len(self.ops)
            try:
                return forward(*args, **kwargs)
            finally:
                if first < len(self.ops):
                    self.own.append(Stretch(first, len(self.ops)))

        return call


@contextmanager
def gradients_watched(ops: Sequence[Op]) -> Iterator[Gradients]:
    """While this is entered, it is noted what forward does about gradients."""
    gradients = Gradients(ops)
    with ExitStack() as stack:
        for switch, is_off in _SWITCHES.items():
            enter, leave = _watching(gradients, switch, is_off)
            stack.enter_context(replaced(switch, "__enter__", enter))
            stack.enter_context(replaced(switch, "__exit__", leave))
        for function, forward in _functions(torch.autograd.Function):
            watched = staticmethod(gradients.watched(forward))
            stack.enter_context(replaced(function, "forward", watched))
        yield gradients


def _watching(
    gradients: Gradients, switch: Any, is_off: Callable[[Any], bool]
) -> tuple[_Function, _Function]:
    enter, leave = switch.__enter__, switch.__exit__

    def entered(self: Any) -> Any:
        gradients.enter(is_off(self))
        return enter(self)

    def left(self: Any, *exception: Any) -> Any:
        gradients.leave()
        return leave(self, *exception)

    return entered, left


def _functions(base: type) -> Iterator[tuple[type, _Function]]:
    """The functions with a backward of their own that are defined, and what they run forward.

    Their ``apply`` may have been taken out of the class long before. Of torch's own only
    checkpoints run other code.
    """
    function: type
    for function in base.__subclasses__():
        forward = vars(function).get("forward")
        foreign = not function.__module__.startswith("torch.")
        if isinstance(forward, staticmethod) and (foreign or function.__module__ == _CHECKPOINTS):
            yield function, forward.__func__
        yield from _functions(function)
