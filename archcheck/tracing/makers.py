"""Functions of torch that bring other data into tensors, and that no function mode sees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn

from archcheck.tracing.function_names import COMPLEX_PARTS
from archcheck.tracing.recorder import Recorder

_LOADERS = ("from_numpy", "frombuffer", "load")


@contextmanager
def made_of_other_data(recorder: Recorder) -> Iterator[None]:
    """While this is entered, a recorder also sees what is loaded, made of an array, made a
    parameter, or set as the real part."""
    constructors: dict[type, Callable[..., Any]] = {
        torch.Tensor: torch._C.TensorBase.__new__,
        nn.Parameter: nn.Parameter.__new__,
    }
    with ExitStack() as stack:
        for name in _LOADERS:
            original = getattr(torch, name)
            stack.enter_context(replaced(torch, name, _recording(recorder, name, original)))
        for kind, original in constructors.items():
            new = staticmethod(_recording(recorder, kind.__name__, original))
            stack.enter_context(replaced(kind, "__new__", new))
        for name, part in COMPLEX_PARTS.items():
            stack.enter_context(replaced(torch.Tensor, name, part))
        yield


@contextmanager
def replaced(owner: Any, name: str, new: Any) -> Iterator[None]:
    """While this is entered, an attribute of a module or class is another one."""
    original = vars(owner).get(name)
    setattr(owner, name, new)
    try:
        yield
    finally:
        if original is None:
            delattr(owner, name)
        else:
            setattr(owner, name, original)


def _recording(recorder: Recorder, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        with torch._C.DisableTorchFunction():
            result = original(*args, **kwargs)
            copied = [each for each in (*args, *kwargs.values()) if isinstance(each, torch.Tensor)]
            recorder.made(f"torch.{name}", copied, result)
        return result

    return call
