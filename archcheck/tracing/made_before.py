"""Which tensors and modules were there before the pass, wherever they are kept.

What lies in a closure, a list or another module is found by no search from the model. But what is
there when the pass begins is set apart from the collector of garbage, and what it knows later was
made since.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def set_apart() -> Iterator[None]:
    """While this is entered, :func:`made_before` knows what was there when it was."""
    others = gc.get_freeze_count()
    gc.freeze()
    try:
        yield
    finally:
        if not others:  # else somebody wants them to stay so
            gc.unfreeze()


def made_before(thing: torch.Tensor | nn.Module) -> bool:
    """Whether an object was there before the pass."""
    return gc.is_tracked(thing) and not any(each is thing for each in gc.get_objects())
