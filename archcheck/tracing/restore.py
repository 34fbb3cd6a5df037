"""Leaving the user's model, and the process, exactly as they were found."""

from __future__ import annotations

import random
import sys
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from archcheck.tracing.copies import Copies
from archcheck.tracing.module_tree import Paths, parameters_of, paths_of


@contextmanager
def unchanged(model: nn.Module, *, training: bool, paths: Paths | None = None) -> Iterator[Copies]:
    """Set the mode of a model's modules, and on the way out put everything back.

    Put back are modes, attributes, buffers, gradients, and the random states and defaults of the
    process. Parameters are too large to copy in advance: what writes into one has to announce it
    to the :class:`Copies` that this yields. The flags are set one by one: ``model.train()`` may
    be overridden, and would give every child the mode of the root on the way back. ``paths`` are
    those of the model, where they are known already.
    """
    paths = paths_of(model) if paths is None else paths
    copies = Copies()
    kept = []
    flags = []
    buffers: dict[int, torch.Tensor] = {}
    for module in paths:
        if isinstance(module, torch.jit.ScriptModule):  # keeps its contents elsewhere
            flags.append((module, module.training))
            continue
        kept.append((module, type(module), _contents(module)))
        for buffer in module._buffers.values():
            if buffer is not None:
                buffers[id(buffer)] = buffer
    copies.keep_all(buffers.values())
    parameters = list(parameters_of(paths).values())
    gradients = [(p, p.grad, p.requires_grad) for p in parameters]
    for _, gradient, _ in gradients:
        if gradient is not None:
            copies.keep(gradient)
    try:
        with _process_unchanged({p.get_device() for p in parameters if p.is_cuda}):
            for module in paths:
                if module.training is not training:
                    module.training = training
            yield copies
    finally:
        for parameter, gradient, required in gradients:
            _restore_gradient(parameter, gradient, required)
        for module, kind, contents in reversed(kept):
            _restore_module(module, kind, contents)
        for module, flag in flags:
            module.training = flag
        copies.restore()


_CONTAINERS = frozenset({list, dict, set, OrderedDict})
_Contents = tuple[dict[str, Any], list[Any], list[tuple[Any, Any]]]


def _contents(module: nn.Module) -> _Contents:
    """Every attribute, the containers among them, and copies of those that hold something."""
    attributes = dict(vars(module))
    containers = [value for value in attributes.values() if type(value) in _CONTAINERS]
    # Most are empty, such as those of hooks.
    return attributes, containers, [(value, value.copy()) for value in filter(None, containers)]


def _restore_module(module: nn.Module, kind: type, contents: _Contents) -> None:
    attributes, containers, copied = contents
    # A compiled module leaves its mode to the one that it wraps.
    if "training" in attributes and vars(module).get("training") is not attributes["training"]:
        module.training = attributes["training"]
    if type(module) is not kind:
        return  # a lazy module has found its sizes and become another: that is what it is for
    own = vars(module)
    own.clear()
    own.update(attributes)
    for value in filter(None, containers):
        value.clear()
    for value, content in copied:
        if isinstance(value, list):
            value[:] = content
        else:
            value.update(content)


def _restore_gradient(
    parameter: nn.Parameter, gradient: torch.Tensor | None, required: bool
) -> None:
    if parameter.grad is not gradient:
        parameter.grad = gradient
    if parameter.requires_grad != required:
        parameter.requires_grad_(required)


@contextmanager
def _process_unchanged(devices: set[int]) -> Iterator[None]:
    random_state = random.getstate()
    numpy_random = sys.modules["numpy"].random if "numpy" in sys.modules else None
    numpy_state = numpy_random.get_state() if numpy_random is not None else None
    dtype, gradients = torch.get_default_dtype(), torch.is_grad_enabled()
    try:
        with torch.random.fork_rng(devices=sorted(devices)):
            yield
    finally:
        random.setstate(random_state)
        if numpy_random is not None:
            numpy_random.set_state(numpy_state)
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(gradients)
