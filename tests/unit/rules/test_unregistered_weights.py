"""Weights that no module registers are weights for the rules that ask for products with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import archcheck
from tests.support.modules import Fn

GLOBAL = nn.Parameter(torch.rand(16, 16))
TRAINED = torch.rand(16, 16, requires_grad=True)
CONSTANT = torch.rand(16, 16)


class Weights:
    matrix = nn.Parameter(torch.rand(16, 16))


WEIGHTS: dict[str, Callable[[Any, Tensor], Tensor]] = {
    "a global parameter": lambda s, x: x @ GLOBAL,
    "a tensor that asks for a gradient": lambda s, x: torch.matmul(x, TRAINED.abs().T),
    "of another class": lambda s, x: torch.einsum("bchw,wv->bchv", x, Weights.matrix),
    "in a list": lambda s, x: x @ s.matrices[0],
}


def status(forward: Callable[[Any, Tensor], Tensor]) -> str:
    net = Fn(forward)
    net.matrices = [nn.Parameter(torch.rand(16, 16))]  # type: ignore[assignment]
    spec = {"rules": {"fully-connected": "forbidden"}}
    return archcheck.verify(net, spec, input_shape=(3, 16, 16)).findings[0].verdict.status


@pytest.mark.parametrize("forward", WEIGHTS.values(), ids=list(WEIGHTS))
def test_a_product_with_a_weight_outside_of_the_modules_is_fully_connected(
    forward: Callable[[Any, Tensor], Tensor],
) -> None:
    assert status(forward) == "failed"


def test_a_product_with_a_constant_is_not() -> None:
    assert status(lambda s, x: x @ CONSTANT) == "passed"
