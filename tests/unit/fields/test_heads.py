"""Where the head begins, when it has branches: the field is that of the last map before it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

import archcheck
from archcheck import Network

SHAPE = (3, 32, 32)


class Net(nn.Module):
    """A body, and a head that is a function of the body's map."""

    def __init__(self, body: nn.Module, head: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.body = body
        self.head = head

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x))


class Streams(nn.Module):
    """Two bodies, each with a pool of its own."""

    def __init__(self, first: nn.Module, second: nn.Module, *, joined: str) -> None:
        super().__init__()
        self.first, self.second, self.joined = first, second, joined

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pooled = [body(x).mean((2, 3)) for body in (self.first, self.second)]
        return torch.cat(pooled, 1) if self.joined == "cat" else pooled[0] + pooled[1]


def body(*layers: tuple[int, int]) -> nn.Sequential:
    """Convolutions of (kernel, stride)."""
    channels, parts = 3, []
    for kernel, stride in layers:
        parts += [nn.Conv2d(channels, 4, kernel, stride, kernel // 2), nn.ReLU()]
        channels = 4
    return nn.Sequential(*parts)


def size(*layers: tuple[int, int]) -> int:
    """1 + sum (k - 1) j of the same convolutions (Araujo, Norris and Sim, Distill 2019)."""
    found, jump = 1, 1
    for kernel, stride in layers:
        found += (kernel - 1) * jump
        jump *= stride
    return found


def average(x: torch.Tensor) -> torch.Tensor:
    return F.adaptive_avg_pool2d(x, 1).flatten(1)


def maximum(x: torch.Tensor) -> torch.Tensor:
    return F.adaptive_max_pool2d(x, 1).flatten(1)


def weighted(x: torch.Tensor) -> torch.Tensor:
    weights = torch.sigmoid(x[:, :1])
    return (x * weights).sum((2, 3)) / weights.sum((2, 3))


HEADS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "one": average,
    "cat": lambda x: torch.cat([average(x), maximum(x)], 1),
    "sum": lambda x: average(x) + maximum(x),
    "moments": lambda x: torch.cat([x.mean((2, 3)), x.flatten(2).std(2)], 1),
    "one axis at a time": lambda x: torch.cat([x.mean(3).relu().mean(2), x.amax(3).amax(2)], 1),
    "weighted": weighted,
    "gated": lambda x: average(x) * torch.sigmoid(maximum(x)),
    "rows": lambda x: torch.stack([average(x), maximum(x)], 1),
}


def traced(network: nn.Module) -> Network:
    return archcheck.trace(network, SHAPE)


layers = st.lists(st.tuples(st.sampled_from([1, 3, 5]), st.integers(1, 2)), min_size=1, max_size=4)


@pytest.mark.parametrize("head", HEADS)
@settings(max_examples=15)
@given(layers)
def test_pools_side_by_side_begin_the_head_like_one(
    head: str, drawn: list[tuple[int, int]]
) -> None:
    network = traced(Net(body(*drawn), HEADS[head]))
    field = archcheck.receptive_field(network).at("features")
    assert field.size == (size(*drawn),) * 2
    assert not field.is_global


@settings(max_examples=30)
@given(layers, layers, st.sampled_from(["cat", "sum"]))
def test_of_two_streams_the_one_counts_that_sees_more(
    first: list[tuple[int, int]], second: list[tuple[int, int]], joined: str
) -> None:
    network = traced(Streams(body(*first), body(*second), joined=joined))
    field = archcheck.receptive_field(network).at("features")
    assert field.size == (max(size(*first), size(*second)),) * 2


def test_each_branch_has_a_first_operation() -> None:
    network = traced(Net(body((3, 1), (3, 2)), HEADS["cat"]))
    (point,) = archcheck.receptive_field(network).features_locations
    assert [network.ops[index].kind for index in point.heads] == [
        "adaptive_avg_pool2d",
        "adaptive_max_pool2d",
    ]
    assert point.head == point.heads[0]


def test_a_gate_is_no_branch_of_the_head() -> None:
    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.last = body((3, 1)), nn.Conv2d(4, 4, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.body(x)
            x = x * torch.sigmoid(x.mean((2, 3), keepdim=True))
            return HEADS["cat"](self.last(x))

    rf = archcheck.receptive_field(traced(Gated()))
    (point,) = rf.features_locations
    assert rf.network.producer(point.tensors[0]) is not None
    assert rf.at("features").local == (5, 5)
    assert rf.at("features").is_global


def test_rules_ask_in_front_of_all_branches() -> None:
    network = Net(body((3, 1), (3, 2), (3, 1)), HEADS["cat"])
    rules = {
        "receptive-field": {"exactly": 9},
        "strided": {"exactly": 1, "of": "anything"},
        "blocks": {"count": {"exactly": 2}, "reduction": "strided"},
    }
    assert size((3, 1), (3, 2), (3, 1)) == 9
    report = archcheck.verify(network, {"rules": rules}, input_shape=SHAPE)
    assert report.passed, report
    both = Streams(body((3, 2)), body((3, 1), (3, 2), (3, 2)), joined="cat")
    strided = {"rules": {"strided": {"exactly": 3, "of": "anything"}}}
    assert archcheck.verify(both, strided, input_shape=SHAPE).passed


S = nn.Sequential
ONE_POOL: dict[str, nn.Module | Callable[[torch.Tensor], torch.Tensor]] = {
    "a window": S(nn.AvgPool2d(8), nn.AdaptiveAvgPool2d(1)),
    "quarters": S(nn.AdaptiveAvgPool2d(2), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    "windows that overlap": S(nn.AvgPool2d(3, 2, 1), nn.AdaptiveAvgPool2d(1)),
    "three": S(nn.AvgPool2d(2), nn.AvgPool2d(2), nn.AvgPool2d(8)),
    "one axis, then both": lambda x: F.avg_pool2d(x, (8, 1)).mean(3).mean(2),
    "rows of tokens": lambda x: F.avg_pool2d(x, 8).flatten(2).transpose(1, 2).mean(1),
    "a view": lambda x: x.view(-1, 4, 4, 8, 4, 8).mean((3, 5)).mean((2, 3)),
    "windows": lambda x: x.unfold(2, 8, 8).unfold(3, 8, 8).mean((4, 5)).mean((2, 3)),
    "an einsum": lambda x: torch.einsum("bchw->bc", F.avg_pool2d(x, 8)) / 16,
    "a resize": lambda x: F.interpolate(x, size=4, mode="area").mean((2, 3)),
    "scaled": lambda x: (F.avg_pool2d(x, 8) * 2 + 1).sum((2, 3)) / 16,
    "linear layers between": S(
        nn.AvgPool2d(8), nn.BatchNorm2d(4), nn.Dropout(), nn.Conv2d(4, 2, 1), nn.AvgPool2d(4)
    ),
    "maxima": S(nn.MaxPool2d(8), nn.ReLU(), nn.AdaptiveMaxPool2d(1)),
    "branches": lambda x: torch.cat([average(F.avg_pool2d(x, 8)), maximum(F.max_pool2d(x, 8))], 1),
}
TWO_POOLS: dict[str, nn.Module | Callable[[torch.Tensor], torch.Tensor]] = {
    "maxima and an average": S(nn.MaxPool2d(8), nn.AdaptiveAvgPool2d(1)),
    "an activation between": S(nn.AvgPool2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1)),
    "an inverse between": lambda x: (1 / F.avg_pool2d(x, 8)).mean((2, 3)),
    "a square between": lambda x: (lambda y: (y * y).mean((2, 3)))(F.avg_pool2d(x, 8)),
    "a fully connected layer": S(nn.AvgPool2d(8), nn.Flatten(), nn.Linear(64, 2)),
}


@pytest.mark.parametrize("head", ONE_POOL)
def test_an_average_of_averages_begins_the_head_as_one_pool(head: str) -> None:
    network = traced(Net(body((3, 1), (3, 1)), ONE_POOL[head]))
    field = archcheck.receptive_field(network).at("features")
    assert field.size == (5, 5)
    assert field.location.pool is None


@pytest.mark.parametrize("head", TWO_POOLS)
def test_a_pool_whose_windows_count_stands_in_front_of_the_head(head: str) -> None:
    network = traced(Net(body((3, 1), (3, 1)), TWO_POOLS[head]))
    assert archcheck.receptive_field(network).at("features").size == (12, 12)


def test_a_window_in_front_of_a_global_average_is_no_stride() -> None:
    rules = {"receptive-field": {"at_least": 12}, "strided": {"exactly": 0, "of": "anything"}}
    network = Net(body((3, 1), (3, 1)), ONE_POOL["a window"])
    report = archcheck.verify(network, {"rules": rules}, input_shape=SHAPE)
    assert [f.verdict.status for f in report.findings] == ["failed", "passed"]


AMONG_CHANNELS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "flatten": lambda x: x.flatten(1).view(x.shape),
    "one row": lambda x: x.reshape(-1).reshape(x.shape),
    "one column": lambda x: x.reshape(-1, 1).relu().reshape(x.shape),
    "a selection": lambda x: x.masked_select(torch.ones(1, dtype=torch.bool)).view(x.shape),
    "through a mask": lambda x: (x.flatten(1) * torch.ones(1)).view(x.shape),
}


@pytest.mark.parametrize("way", AMONG_CHANNELS)
def test_positions_that_lie_among_the_channels_for_a_while_begin_no_head(way: str) -> None:
    class Flat(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = body((3, 1)), nn.Conv2d(4, 4, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return average(self.last(AMONG_CHANNELS[way](self.first(x))))

    field = archcheck.receptive_field(traced(Flat())).at("features")
    assert (field.shape, field.size) == ((32, 32), (5, 5))


def test_a_flattened_map_begins_the_head_though_a_decoder_follows() -> None:
    decoder = S(
        nn.Flatten(),
        nn.ReLU(),
        nn.Linear(4 * 32 * 32, 16),
        nn.Unflatten(1, (1, 4, 4)),
        nn.Conv2d(1, 1, 3),
    )
    network = traced(S(body((3, 1)), decoder))
    field = archcheck.receptive_field(network).at("features")
    assert (field.shape, field.size) == ((32, 32), (3, 3))
    assert [network.ops[index].kind for index in field.location.heads] == ["flatten"]
