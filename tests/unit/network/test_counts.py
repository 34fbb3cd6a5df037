"""Parameters, multiply-accumulates and shapes against torchinfo, torch's own FLOP counter, real
forward passes, and counts by hand where none of those counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import torchinfo
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import archcheck
from archcheck.network import Network, layers_of
from tests.support.networks import CASES
from tests.support.zoo import (
    resnet,
)

every = pytest.mark.parametrize("name", CASES)


def meta(name: str) -> nn.Module:
    with torch.device("meta"):
        return CASES[name][0]().eval()


@lru_cache(maxsize=1)
def traced(name: str) -> Network:
    return archcheck.trace(meta(name), CASES[name][1])


def flops(net: nn.Module, inputs: Sequence[Tensor]) -> int:
    """What torch counts, every operation taken apart to where it can count."""
    with (
        torch.no_grad(),
        sdpa_kernel(SDPBackend.MATH),
        FlopCounterMode(display=False) as counter,
    ):
        net(*inputs)
    return int(counter.get_total_flops())


# -- whole networks ----------------------------------------------------------------------------


@every
def test_parameters_are_those_of_torchinfo(name: str) -> None:
    network = traced(name)
    counted = torchinfo.summary(meta(name), verbose=0)
    assert network.num_parameters == counted.total_params
    assert network.num_trainable_parameters == counted.trainable_params
    assert network.num_used_parameters == network.num_parameters
    assert sum(layer.num_parameters for layer in layers_of(network)) <= network.num_parameters


@every
def test_macs_are_half_of_the_flops_that_torch_counts(name: str) -> None:
    shape = CASES[name][1]
    counted = flops(meta(name), [torch.empty(1, *shape, device="meta")])
    assert counted % 2 == 0
    assert traced(name).macs == counted // 2


SMALL = [name for name in CASES if name not in ("alexnet", "vgg16", "resnet101", "resnet152")]


@pytest.mark.parametrize("name", SMALL)
def test_a_pass_over_real_numbers_has_the_shapes_of_the_trace(name: str) -> None:
    network = traced(name)
    net = CASES[name][0]().eval()
    seen: dict[str, list[tuple[int, ...]]] = {}

    def hook(path: str) -> Callable[..., None]:
        def note(_module: nn.Module, _args: Any, output: Any) -> None:
            if isinstance(output, Tensor):
                seen.setdefault(path, []).append(tuple(output.shape))

        return note

    for path, module in net.named_modules():
        module.register_forward_hook(hook(path))
    with torch.no_grad():
        net(torch.zeros(1, *CASES[name][1]))
    expected: dict[str, list[tuple[int, ...]]] = {}
    for call in network.calls:
        if len(call.outputs) == 1 and call.module in seen:
            expected.setdefault(call.module, []).append(network.shape(call.outputs[0]))
    assert seen == expected


# -- single operations -------------------------------------------------------------------------


class Apply(nn.Module):
    """A function as a network."""

    def __init__(self, function: Callable[..., Tensor], *shapes: tuple[int, ...]) -> None:
        super().__init__()
        self.function = function
        self.weights = nn.ParameterList(torch.ones(shape) for shape in shapes)

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.function(*inputs, *self.weights)


Shapes = list[tuple[int, ...]]
OPERATIONS: dict[str, tuple[nn.Module, Shapes]] = {
    "conv1d": (nn.Conv1d(4, 6, 5, stride=2, dilation=2, padding=3), [(4, 30)]),
    "conv3d": (nn.Conv3d(2, 4, (1, 3, 2), stride=(1, 2, 1)), [(2, 5, 9, 8)]),
    "same": (nn.Conv2d(3, 8, 3, padding="same", dilation=2), [(3, 10, 12)]),
    "reflect": (nn.Conv2d(3, 8, 3, padding=1, padding_mode="reflect"), [(3, 10, 12)]),
    "grouped": (nn.Conv2d(8, 12, 3, groups=4, bias=False), [(8, 10, 12)]),
    "depthwise": (nn.Conv2d(8, 16, 3, groups=8), [(8, 10, 12)]),
    "transposed1d": (nn.ConvTranspose1d(4, 6, 4, stride=3), [(4, 11)]),
    "transposed2d": (
        nn.ConvTranspose2d(4, 6, 3, stride=2, output_padding=1, dilation=2),
        [(4, 7, 9)],
    ),
    "transposed3d": (nn.ConvTranspose3d(4, 2, 2, stride=2), [(4, 3, 4, 5)]),
    "transposed grouped": (nn.ConvTranspose2d(8, 4, 3, stride=2, groups=4), [(8, 7, 9)]),
    "linear on a sequence": (nn.Linear(12, 7), [(5, 12)]),
    "bilinear einsum": (
        Apply(lambda x, w: torch.einsum("bchw,oc->bohw", x, w), (5, 3)),
        [(3, 6, 8)],
    ),
    "einsum of two inputs": (
        Apply(lambda x, y: torch.einsum("bnd,bmd->bnm", x, y)),
        [(6, 4), (5, 4)],
    ),
    "matmul": (Apply(lambda x, w: torch.matmul(x, w), (12, 7)), [(5, 12)]),
    "matmul operator": (Apply(lambda x: x @ x.transpose(-1, -2)), [(2, 5, 12)]),
    "bmm": (Apply(lambda x: torch.bmm(x, x.transpose(1, 2))), [(5, 12)]),
    "baddbmm": (
        Apply(lambda x: torch.baddbmm(torch.zeros(1, 5, 5), x, x.transpose(1, 2))),
        [(5, 12)],
    ),
    "mm": (Apply(lambda x, w: torch.mm(x, w), (12, 7)), [(12,)]),
    "addmm": (Apply(lambda x, b, w: torch.addmm(b, x, w), (7,), (12, 7)), [(12,)]),
    "functional": (Apply(lambda x, w: F.conv2d(x, w, stride=2), (8, 3, 3, 3)), [(3, 9, 9)]),
    "attention": (
        Apply(lambda q, k, v: F.scaled_dot_product_attention(q, k, v)),
        [(2, 6, 4), (2, 9, 4), (2, 9, 8)],
    ),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_macs_of_one_operation_are_half_of_its_flops(operation: str) -> None:
    net, shapes = OPERATIONS[operation]
    counted = flops(net, [torch.ones(1, *shape) for shape in shapes])
    network = archcheck.trace(net, shapes)
    assert counted > 0
    assert network.macs == counted // 2
    assert network.uncounted_ops == ()


def sequence(net: nn.Module, features: int, steps: int) -> int | None:
    return archcheck.trace(net, (steps, features)).macs


@pytest.mark.parametrize(("kind", "gates"), [(nn.RNN, 1), (nn.GRU, 3), (nn.LSTM, 4)])
def test_macs_of_recurrent_layers_by_hand(kind: type[nn.Module], gates: int) -> None:
    plain = kind(8, 16, batch_first=True)
    assert sequence(plain, 8, 10) == 10 * gates * 16 * (8 + 16)
    two = kind(8, 16, num_layers=2, batch_first=True)
    assert sequence(two, 8, 10) == 10 * gates * 16 * ((8 + 16) + (16 + 16))
    both = kind(8, 16, bidirectional=True, batch_first=True)
    assert sequence(both, 8, 10) == 2 * 10 * gates * 16 * (8 + 16)


def test_macs_of_an_lstm_with_a_projection_by_hand() -> None:
    with torch.device("meta"):  # a processor warns that it has no fast way to do this
        net = nn.LSTM(8, 16, proj_size=5, batch_first=True)
    assert sequence(net, 8, 10) == 10 * (4 * 16 * (8 + 5) + 16 * 5)


def test_a_time_first_layer_counts_every_sample_of_what_it_reads() -> None:
    # (1, 10, 8) read as one step of ten samples: as many products as ten steps of one.
    assert sequence(nn.LSTM(8, 16), 8, 10) == 10 * 4 * 16 * (8 + 16)


def test_multi_head_attention_by_hand() -> None:
    net = nn.MultiheadAttention(8, 2, batch_first=True)
    attend = Apply(lambda x: net(x, x, x)[0])
    attend.inner = net
    # Four projections of every token, and its scores and its values over all six.
    assert archcheck.trace(attend, (6, 8)).macs == 4 * 6 * 8 * 8 + 2 * 6 * 6 * 8


def test_a_layer_called_twice_costs_twice_and_counts_once() -> None:
    conv = nn.Conv2d(3, 3, 3, padding=1, bias=False)
    network = archcheck.trace(nn.Sequential(conv, nn.ReLU(), conv), (3, 8, 8))
    assert network.num_parameters == 3 * 3 * 9
    assert network.macs == 2 * 3 * 3 * 9 * 64


def test_tied_weights_count_once() -> None:
    embed, out = nn.Linear(6, 10, bias=False), nn.Linear(10, 6, bias=False)
    first = nn.Linear(6, 10, bias=False)
    first.weight = embed.weight
    network = archcheck.trace(nn.Sequential(embed, out, first), (4, 6))
    assert network.num_parameters == 2 * 60


def test_frozen_and_forgotten_parameters() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    net[0].bias.requires_grad_(False)
    net[1].forgotten = nn.Linear(5, 5)
    network = archcheck.trace(net, (3, 8, 8))
    assert network.num_parameters == 4 * 27 + 4 + 30
    assert network.num_trainable_parameters == 4 * 27 + 30
    assert network.num_used_parameters == 4 * 27 + 4
    assert network.unused_modules == ("1.forgotten",)


def test_training_mode_counts_one_sample() -> None:
    net = resnet.resnet18(10)
    evaluated = archcheck.trace(net, (3, 32, 32))
    assert archcheck.trace(net, (3, 32, 32), training=True).macs == evaluated.macs


@pytest.mark.parametrize(
    "function",
    [
        lambda x: torch.fft.fft2(x).real,
        lambda x: torch.linalg.inv(x),
        lambda x: torch.linalg.matrix_exp(x),
    ],
)
def test_what_is_not_counted_is_not_zero(function: Callable[..., Tensor]) -> None:
    network = archcheck.trace(Apply(function), (3, 8, 8))
    assert network.macs is None
    assert network.uncounted_ops
