"""A model's modules, walked through once since walks are slow, and what they hold."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

Paths = Mapping[nn.Module, str]
"""Every module of a model once, with its first path; the path of the model itself is ``""``."""


def paths_of(model: nn.Module) -> Paths:
    """The modules of a model in the order in which it registered them."""
    return {module: path for path, module in model.named_modules()}


def parameters_of(paths: Paths) -> dict[str, nn.Parameter]:
    """The parameters that the modules hold now, each by its first name."""
    named: dict[int, tuple[str, nn.Parameter]] = {}
    for module, path in paths.items():
        for name, parameter in module._parameters.items():
            if parameter is not None and id(parameter) not in named:
                named[id(parameter)] = (f"{path}.{name}" if path else name, parameter)
    return dict(named.values())


def buffers_of(paths: Paths) -> list[torch.Tensor]:
    """The buffers that the modules hold now, each once."""
    buffers = {
        id(buffer): buffer
        for module in paths
        for buffer in module._buffers.values()
        if buffer is not None
    }
    return list(buffers.values())
