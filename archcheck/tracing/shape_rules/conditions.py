"""When a forward pass can be traced from shapes, and the settings that this needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch.nn.parameter import is_lazy

from archcheck.tracing.module_tree import Paths


def worth_trying(paths: Paths) -> bool:
    """Whether shapes may be enough: an ordinary model on the CPU, and no other mode active.

    Lazy modules determine their sizes only once, and no mode sees inside of compiled or scripted
    ones.
    """
    if torch._C._len_torch_function_stack() or torch._C._len_torch_dispatch_stack():
        return False
    for module in paths:
        if isinstance(module, torch.jit.ScriptModule) or "_orig_mod" in module._modules:
            return False
        for held in (*module._parameters.values(), *module._buffers.values()):
            if held is not None and (not held.is_cpu or is_lazy(held)):
                return False
    return True


@contextmanager
def memory_left_alone() -> Iterator[None]:
    """While this is entered, new memory is not filled, even with deterministic algorithms."""
    settings: Any = torch.utils.deterministic
    filled = settings.fill_uninitialized_memory
    if filled and torch.are_deterministic_algorithms_enabled():
        settings.fill_uninitialized_memory = False
    try:
        yield
    finally:
        if settings.fill_uninitialized_memory != filled:
            settings.fill_uninitialized_memory = filled


ScriptRunner = Callable[[bool, Callable[..., Any], Sequence[Any], Mapping[str, Any]], Any]
"""It gets a scripted function, whether it is a module's method, and its arguments, and gives its
result."""


@contextmanager
def scripts_run_by(run: ScriptRunner) -> Iterator[None]:
    """While this is entered, ``run`` calls scripted functions, inside of which no mode sees."""
    patched = []

    def running(original: Any, method: bool) -> Any:
        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            return run(method, partial(original, self), args, kwargs)

        return call

    for name in ("ScriptFunction", "ScriptMethod"):
        kind: Any = getattr(torch._C, name, None)
        if kind is not None:
            patched.append((kind, kind.__call__))
            kind.__call__ = running(kind.__call__, name == "ScriptMethod")
    try:
        yield
    finally:
        for kind, original in patched:
            kind.__call__ = original
