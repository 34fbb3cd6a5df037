"""What a trace notes of gradients, of what is made and kept in the pass, and of shared modules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

import archcheck
from archcheck.network import Network
from archcheck.network.model import Stretch


class Rounded(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return x.round()

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        return gradients[0]


class Live(nn.Module):
    def __init__(self, forward: Any) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)
        self.layers = nn.ModuleList([self.conv] * 2)
        self.plain = [nn.Parameter(torch.ones(1)), torch.ones(1)]
        self.run = forward

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.run(self, x)
        return result


def traced(forward: Any) -> Network:
    return archcheck.trace(Live(forward), (3, 8, 8))


def functions(network: Network, stretches: tuple[Stretch, ...]) -> list[str]:
    return [op.kind for each in stretches for op in network.ops[each.first : each.end]]


def test_operations_without_gradients_are_noted() -> None:
    def forward(live: Live, x: torch.Tensor) -> torch.Tensor:
        x = x.relu()
        with torch.no_grad():
            x = x.tanh()
            with torch.enable_grad():
                x = x.sigmoid()
            x = x.abs()
        with torch.set_grad_enabled(False):
            x = x.exp()
        with torch.set_grad_enabled(True):
            x = x.sin()
        return torch.inference_mode()(torch.cos)(x)

    network = traced(forward)
    assert functions(network, network.without_gradient) == ["tanh", "abs", "exp", "cos"]
    places = [each.place for each in network.without_gradient]
    assert [place and Path(place.file).name for place in places] == ["test_gradients.py"] * 4


def test_functions_with_a_backward_of_their_own_are_noted() -> None:
    apply: Any = Rounded.apply
    network = traced(lambda live, x: apply(live.conv(x)).relu())
    assert functions(network, network.own_gradient) == ["round"]


def test_what_somebody_keeps_is_noted() -> None:
    def forward(live: Live, x: torch.Tensor) -> torch.Tensor:
        live.seen = x.tanh()
        x.sigmoid()
        return x.relu()

    network = traced(forward)
    made = [network.producer(tensor) for tensor in network.kept]
    assert [op.kind for op in made if op is not None] == ["tanh", "relu"]


def test_further_names_of_a_module_are_noted() -> None:
    modules = {module.path: module for module in traced(lambda live, x: live.conv(x)).modules}
    assert modules["conv"].others == ("layers.0", "layers.1")
    assert modules["layers"].others == ()


def test_a_constant_that_asks_for_a_gradient_is_told_from_another() -> None:
    network = traced(lambda live, x: x * live.plain[0] + live.plain[1])
    constants = [tensor for tensor in network.tensors if tensor.origin == "constant"]
    assert [tensor.trainable for tensor in constants] == [True, False]


def test_a_layer_that_is_not_registered_knows_where_it_was_built() -> None:
    hidden = nn.Tanh()
    network = traced(lambda live, x: nn.ReLU()(hidden(live.conv(x))))
    calls = {call.type: call for call in network.calls}
    assert calls["Conv2d"].registered
    assert not calls["Tanh"].registered
    assert [calls[kind].made for kind in ("Conv2d", "Tanh", "ReLU")] == [False, False, True]


def test_parameters_that_the_pass_registers_are_told_from_those_of_each_pass() -> None:
    def once(live: Live, x: torch.Tensor) -> torch.Tensor:
        if not hasattr(live, "late"):
            live.late = nn.Parameter(torch.ones(1))
        return x * live.get_parameter("late")

    def each_time(live: Live, x: torch.Tensor) -> torch.Tensor:
        live.late = nn.Parameter(torch.ones(1))
        return x * live.get_parameter("late")

    assert [(late.name, late.anew) for late in traced(once).late] == [("late", False)]
    assert [(late.name, late.anew) for late in traced(each_time).late] == [("late", True)]
    assert traced(lambda live, x: x * nn.Parameter(torch.ones(1))).late == ()


def test_watching_gradients_leaves_torch_as_it_was() -> None:
    before = [vars(torch.no_grad)["__enter__"], vars(Rounded)["forward"]]
    traced(lambda live, x: x)
    assert [vars(torch.no_grad)["__enter__"], vars(Rounded)["forward"]] == before
