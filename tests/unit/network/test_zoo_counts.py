"""Every network of the zoo: parameters, multiply-accumulates and shapes against torch itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import archcheck
from archcheck.network import Network
from tests.support.zoo import siamese
from tests.support.zoo.catalogue import ZOO, Fixture

EVERY = ZOO | {"siamese": Fixture(siamese.siamese, (3, 12, 17), {})}
every = pytest.mark.parametrize("name", EVERY)


def shapes(name: str) -> list[tuple[int, ...]]:
    return [EVERY[name].shape] * (2 if name == "siamese" else 1)


@lru_cache(maxsize=1)
def traced(name: str) -> Network:
    return archcheck.trace(EVERY[name].build().eval(), shapes(name))


@every
def test_parameters_are_those_that_torch_holds(name: str) -> None:
    net = EVERY[name].build()
    assert traced(name).num_parameters == sum(parameter.numel() for parameter in net.parameters())
    assert {p.name for p in traced(name).parameters} == {n for n, _ in net.named_parameters()}
    # Of the masked networks only one way of attending is used.
    unused = {p.name.split(".")[0] for p in traced(name).parameters if not p.used}
    assert unused <= {"attention"}


@every
def test_macs_are_half_of_the_flops_that_torch_counts(name: str) -> None:
    # On the meta device no operation is fused into another that the counter does not know.
    with torch.device("meta"):
        net = EVERY[name].build().eval()
        inputs = [torch.empty(1, *shape) for shape in shapes(name)]
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        net(*inputs)
    flops = counter.get_total_flops()
    assert flops % 2 == 0
    network = traced(name)
    # Those of weights with a vector, in a spectral norm, torch does not count.
    with_vectors = [network.op_macs(op) or 0 for op in network.ops if op.kind in ("mv", "vdot")]
    assert network.macs == flops // 2 + sum(with_vectors)


def tensors(value: Any) -> Iterator[Tensor]:
    """The tensors of an output, in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from tensors(part)
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from tensors(part)


@every
def test_a_pass_over_real_numbers_has_the_shapes_of_the_trace(name: str) -> None:
    net = EVERY[name].build().eval()
    seen: list[tuple[str, list[tuple[int, ...]]]] = []
    for path, module in net.named_modules():
        module.register_forward_hook(
            lambda _m, _x, y, path=path: seen.append((path, [tuple(t.shape) for t in tensors(y)]))
        )
    with torch.no_grad():
        result = net(*(torch.rand(1, *shape) for shape in shapes(name)))
    network = traced(name)
    # Calls are numbered as they begin, hooks run as they end.
    calls = [(c.module, [network.shape(t) for t in c.outputs]) for c in network.calls]
    assert sorted(calls) == sorted(seen)
    found = [tuple(t.shape) for t in tensors(result)]
    assert [network.shape(tensor) for _, tensor in network.outputs] == found


@every
def test_every_operation_has_the_shape_that_torch_gives_it(name: str) -> None:
    """Each operation's outputs, in order, with a second observer that shares no code."""
    net = EVERY[name].build().eval()
    inputs = [torch.rand(1, *shape) for shape in shapes(name)]
    with torch.no_grad(), Observer() as observer:
        net(*inputs)
    network = traced(name)
    found = [
        (op.function.rpartition(".")[2], [network.shape(tensor) for tensor in op.outputs])
        for op in network.ops
        if op.kind not in ("alias_write", "escape")
    ]
    assert [entry for entry in found if entry[1]] == observer.seen


class Observer(torch.overrides.TorchFunctionMode):
    """The name and the results' shapes of every function called, without those called inside."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, list[tuple[int, ...]]]] = []

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", "")
        made = args[:1] if name == "__setitem__" else result
        found = [tuple(tensor.shape) for tensor in tensors(made)]
        if found:
            self.seen.append((name, found))
        return result
