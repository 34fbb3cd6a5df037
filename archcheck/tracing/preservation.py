"""Leaving the user's model exactly as it was found."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def unchanged(model: nn.Module, *, training: bool) -> Iterator[None]:
    """Set every module's mode, and on the way out restore modes, buffers and random states.

    The flags are set one by one: ``model.train()`` may be overridden, and on the way back it
    would give every child the mode of the root.
    """
    modules = list(model.modules())
    modes = [module.training for module in modules]
    buffers = [
        (module, name, buffer, None if buffer is None or buffer.is_meta else buffer.clone())
        for module in modules
        for name, buffer in module._buffers.items()
    ]
    random_state = random.getstate()
    numpy_random = sys.modules["numpy"].random if "numpy" in sys.modules else None
    numpy_state = numpy_random.get_state() if numpy_random is not None else None
    devices = sorted({p.get_device() for p in model.parameters() if p.is_cuda})
    try:
        for module in modules:
            module.training = training
        with torch.random.fork_rng(devices=devices):
            yield
    finally:
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode
        with torch.no_grad():
            for module, name, buffer, value in buffers:
                if value is not None and buffer is not None and not _same(buffer, value):
                    buffer.copy_(value)
                if module._buffers.get(name, _MISSING) is not buffer:
                    module._buffers[name] = buffer
        random.setstate(random_state)
        if numpy_random is not None:
            numpy_random.set_state(numpy_state)


_MISSING = object()


def _same(buffer: torch.Tensor, value: torch.Tensor) -> bool:
    return buffer.shape == value.shape and bool(torch.equal(buffer, value))
