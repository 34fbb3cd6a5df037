"""One call of each tool in process, on a network that is built already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from benchmarks.tools import Shape

Task = Callable[[], object]


def task(tool: str, net: nn.Module, shape: Shape) -> Task:
    """One call of a tool in process, on a network that is built already."""
    return _TASKS[tool](net.eval(), shape)


def _archcheck(net: nn.Module, shape: Shape) -> Task:
    import archcheck

    def analyse() -> object:
        network = archcheck.trace(net, shape)
        field = archcheck.receptive_field(network)
        return network.num_parameters, network.macs, field.size, field.jump

    return analyse


def _torchinfo(net: nn.Module, shape: Shape) -> Task:
    from torchinfo import summary

    return lambda: summary(net, (1, *shape), verbose=0)


def _torchscan(net: nn.Module, shape: Shape) -> Task:
    from torchscan import crawl_module

    return lambda: crawl_module(net, shape)


def _torchlens(net: nn.Module, shape: Shape) -> Task:
    import torchlens

    x = torch.rand(1, *shape)
    lean = torchlens.options.CaptureOptions(layers_to_save="none", inference_only=True)

    def analyse() -> object:
        log: Any = torchlens.trace(net, x, capture=lean)
        return log.output_ops[0].receptive_field.status

    return analyse


def _fvcore(net: nn.Module, shape: Shape) -> Task:
    from fvcore.nn import FlopCountAnalysis

    x = torch.rand(1, *shape)

    def analyse() -> object:
        counts: Any = FlopCountAnalysis(net, x)
        return counts.unsupported_ops_warnings(False).by_module()

    return analyse


_TASKS: dict[str, Callable[[nn.Module, Shape], Task]] = {
    "archcheck": _archcheck,
    "torchinfo": _torchinfo,
    "torchscan": _torchscan,
    "TorchLens": _torchlens,
    "fvcore": _fvcore,
}
