"""A batch of samples, and a loss: what the other tools are given beside a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from archcheck.network.inputs import Input
from benchmarks.lint.catalogue import Case

SAMPLES = 16


class Batch(NamedTuple):
    """Samples, what the network is to give for them, and the loss between both.

    ``axis`` is that of the samples in what the network gives.
    """

    inputs: tuple[Tensor, ...]
    targets: Any
    loss: Callable[[Any, Any], Tensor]
    axis: int


def batch(case: Case, network: nn.Module) -> Batch:
    """Random samples, and targets of the shape that the network gives."""
    torch.manual_seed(0)
    inputs = tuple(_drawn(each) for each in case.inputs)
    with torch.no_grad():
        outputs = list(_tensors(network(*inputs)))
    axis = list(outputs[0].shape).index(SAMPLES)
    if case.loss == "cross-entropy":
        *shape, classes = outputs[0].shape
        return Batch(inputs, torch.randint(0, classes, shape), _cross_entropy, axis)
    targets = tuple(torch.randn_like(each) for each in outputs)
    return Batch(inputs, targets, _squared_error, axis)


def _drawn(each: Any) -> Tensor:
    assert isinstance(each, Input)
    shape = each.sides(SAMPLES)
    if each.real:
        return torch.randn(shape)
    return torch.randint(each.start, each.most, shape)


def _tensors(output: Any) -> Iterator[Tensor]:
    if isinstance(output, Tensor):
        yield output
    else:
        for each in output:
            yield from _tensors(each)


def _cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(outputs.flatten(0, -2), targets.flatten())


def _squared_error(outputs: Any, targets: tuple[Tensor, ...]) -> Tensor:
    pairs = zip(_tensors(outputs), targets, strict=True)
    return torch.stack([functional.mse_loss(found, wanted) for found, wanted in pairs]).sum()
