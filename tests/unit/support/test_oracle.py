"""The oracle against values worked out by hand, and against every kind of drawn network."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from torch import Tensor, nn

from tests.support.oracle import (
    actual_field,
    actual_fields_all,
    actual_fields_by_axis,
    hull_size,
    project,
    theoretical_field,
)
from tests.support.strategies import Network, networks

# An even kernel with padding="same" pads on one side only: that is the case to test.
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same'")


def read(module: nn.Module, side: int, unit: int, **options: Any) -> list[int]:
    """The positions one unit of a 1-D network on one channel reads."""
    return np.flatnonzero(actual_field(module, (1, side), (unit,), **options)).tolist()


def sizes(module: nn.Module, shape: Sequence[int], phases: int = 1) -> list[list[int]]:
    fields = theoretical_field(module, shape, phases=phases)
    return [[hull_size(p) for p in axis] for axis in fields]


def test_chain_follows_the_formula() -> None:
    net = nn.Sequential(
        nn.Conv2d(1, 2, (3, 5), stride=2),
        nn.ReLU(),
        nn.Conv2d(2, 2, 3, dilation=2),
        nn.MaxPool2d(2),
    )
    # 1 + (k-1) + 2*2*2 + 1*2 with k = 3 along H and 5 along W.
    assert sizes(net, (1, 40, 30)) == [[13], [15]]


def test_dilation_leaves_holes() -> None:
    net = nn.Sequential(nn.Conv1d(1, 1, 3, dilation=2), nn.Conv1d(1, 1, 3, dilation=4))
    assert read(net, 20, 1) == [1, 3, 5, 7, 9, 11, 13]
    ((field,),) = theoretical_field(net, (1, 20))
    assert (field.size, hull_size(field)) == (7, 13)


def test_transposed_reads_two_or_one() -> None:
    net = nn.ConvTranspose1d(1, 1, 3, stride=2)
    # o = 2i + t: an even o reads o/2 and o/2 - 1, an odd one (o-1)/2 only.
    assert [read(net, 5, o) for o in (0, 1, 2, 3, 10)] == [[0], [0], [0, 1], [1], [4]]
    assert sorted(sizes(net, (1, 5), phases=2)[0]) == [1, 2]


def test_a_transposed_conv_may_leave_units_without_input() -> None:
    net = nn.ConvTranspose2d(1, 1, 1, stride=2)
    assert not actual_field(net, (1, 4, 4), (0, 1)).any()
    assert sorted(sizes(net, (1, 4, 4), phases=2)[0]) == [0, 1]


def test_nearest_then_a_convolution() -> None:
    net = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(1, 1, 3, padding=1))
    # Unit 2 reads the doubled 1, 2, 3, which are 0, 1, 1; unit 1 the doubled 0, 1, 2.
    assert sizes(net, (1, 6, 7), phases=2) == [[2, 2], [2, 2]]
    assert project(actual_field(net, (1, 6, 7), (2, 1)), 0).tolist() == [0, 1]


@pytest.mark.parametrize(("mode", "dims"), [("linear", 1), ("bilinear", 2), ("trilinear", 3)])
def test_linear_interpolation_reads_exact_taps(mode: str, dims: int) -> None:
    net = nn.Upsample(scale_factor=3, mode=mode)
    shape = (1, *[6] * dims)
    # Thirds: left and right neighbour, the middle unit sits on a position.
    assert sorted(sizes(net, shape, phases=3)[0]) == [1, 2, 2]
    taps = theoretical_field(net, shape, phases=3, zero_taps=True)[0]
    assert [p.size for p in taps] == [2, 2, 2]


def test_replaced_interpolation_has_the_real_shape_and_fields() -> None:
    net = nn.Upsample(size=7, mode="linear", align_corners=True)
    # Places 0, 4/6, 8/6, 2, 16/6, 20/6, 4.
    assert [read(net, 5, o) for o in range(7)] == [[0], [0, 1], [1, 2], [2], [2, 3], [3, 4], [4]]


def test_max_pool_never_reads_padding_nor_beyond_the_border() -> None:
    net = nn.MaxPool1d(3, stride=2, padding=1, ceil_mode=True)
    assert [read(net, 6, o) for o in range(4)] == [[0, 1], [1, 2, 3], [3, 4, 5], [5]]
    holes = nn.MaxPool1d(3, dilation=2, stride=1, padding=1)
    assert [read(holes, 6, o) for o in range(4)] == [[1, 3], [0, 2, 4], [1, 3, 5], [2, 4]]


@pytest.mark.parametrize("side", [5, 6, 7, 8])
def test_replaced_max_pool_reads_what_the_real_one_reads(side: int) -> None:
    for k, s, p, d in product((1, 2, 3, 4), (1, 2, 3), (0, 1, 2), (1, 2)):
        for ceil in (False, True):
            if p > k // 2 or side + 2 * p <= d * (k - 1):
                continue
            net = nn.MaxPool1d(k, s, p, d, ceil_mode=ceil)
            # One image a position, only that position above zero.
            real = net(torch.eye(side)[:, None])[:, 0] == 1
            fields = actual_fields_by_axis(net, (1, side))[0]
            assert [p.tolist() for p in fields] == [np.flatnonzero(o).tolist() for o in real.T]


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_max_pool_keeps_the_real_length(dims: int) -> None:
    pool = [nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d][dims - 1]
    for side in range(5, 10):
        for k, s, p, d, ceil in [(2, 2, 0, 1, True), (3, 2, 1, 2, True), (3, 3, 1, 1, False)]:
            net = pool(k, s, p, d, ceil_mode=ceil)
            real = net(torch.rand(1, 1, *[side] * dims)).shape[2:]
            assert [len(axis) for axis in actual_fields_by_axis(net, (1, *[side] * dims))] == [
                *real
            ]


def test_units_on_padding_read_nothing() -> None:
    net = nn.Conv2d(1, 1, 1, padding=1)
    assert not actual_field(net, (1, 3, 4), (0, 2)).any()
    low, high = actual_fields_all(net, (1, 3, 4))
    assert low.shape == (2, 5, 6)
    assert (low[:, 0, 2].tolist(), high[:, 0, 2].tolist()) == ([3, 4], [-1, -1])
    assert (low[:, 1, 2].tolist(), high[:, 3, 4].tolist()) == ([0, 1], [2, 3])
    assert [p.tolist() for p in actual_fields_by_axis(net, (1, 3, 4))[0]] == [[], [0], [1], [2], []]


class Gated(nn.Module):
    """A residual with an in-place sum, and squeeze-and-excite on demand."""

    def __init__(self, gate: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1)
        self.gate = gate

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.conv(x), inplace=True)
        if self.gate:
            out = out * torch.sigmoid(F.adaptive_max_pool2d(out, 1))
        out += x
        return F.gelu(out)


def test_residual_and_gate() -> None:
    assert sizes(nn.Sequential(Gated(False), Gated(False)), (2, 8, 8)) == [[5], [5]]
    assert actual_field(Gated(True), (2, 8, 8), (3, 3)).all()
    with pytest.raises(RuntimeError, match="settled"):
        theoretical_field(Gated(True), (2, 8, 8), limit=100)
    # The hook sees the convolution's output, not what the sum in place makes of it.
    assert actual_field(Gated(False), (2, 8, 8), (3, 3), at="conv").sum() == 9


class Shifted(nn.Module):
    """Two branches that look to the left and to the right."""

    def forward(self, x: Tensor) -> Tensor:
        left = F.pad(x, (3, 0))[..., : x.shape[-1]]
        right = F.pad(x, (0, 2))[..., 2:]
        return torch.cat([left, right], 1)


def test_concat_of_shifted_branches() -> None:
    assert read(Shifted(), 10, 4) == [1, 6]
    assert read(Shifted(), 10, 1) == [3]
    ((field,),) = theoretical_field(Shifted(), (1, 10))
    assert (field.size, hull_size(field)) == (2, 6)


class Head(nn.Module):
    """A classifier: only the real image fits its Linear."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Conv1d(1, 2, 3)
        self.linear = nn.Linear(2 * 8, 4)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.linear(self.features(x).flatten(1))
        return scores.softmax(-1)


def test_theoretical_field_in_front_of_a_linear() -> None:
    assert actual_field(Head(), (1, 10), ()).all()
    ((field,),) = theoretical_field(Head(), (1, 10), at="features")
    assert hull_size(field) == 3


@pytest.mark.parametrize(
    ("norm", "joined"),
    [
        (nn.GroupNorm(2, 2), True),
        (nn.InstanceNorm1d(2), True),
        (nn.LayerNorm((2, 8)), True),
        (nn.BatchNorm1d(2), False),
    ],
)
def test_normalization_joins_on_demand(norm: nn.Module, joined: bool) -> None:
    net = nn.Sequential(nn.Conv1d(1, 2, 1), norm)
    assert read(net, 8, 3) == [3]
    assert read(net, 8, 3, normalization="joins") == (list(range(8)) if joined else [3])


class Windows(nn.Module):
    """Attention with an additive mask that cuts the sequence in two."""

    def forward(self, x: Tensor) -> Tensor:
        side = x.shape[-1]
        half = torch.arange(side) >= side // 2
        mask = (half[:, None] != half[None, :]) * -100.0
        scores = x.transpose(1, 2) @ x + mask
        return x @ scores.softmax(-1).transpose(1, 2)


def test_masked_attention_stays_in_its_window() -> None:
    assert read(Windows(), 8, 1) == [0, 1, 2, 3]
    assert read(Windows(), 8, 6) == [4, 5, 6, 7]


def test_deep_networks_do_not_underflow() -> None:
    net = nn.Sequential(*[nn.Conv1d(1, 1, 3, padding=1) for _ in range(150)])
    ((field,),) = theoretical_field(net, (1, 32))
    assert hull_size(field) == 301


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(networks())
def test_drawn_networks_have_fields(network: Network) -> None:
    fields = actual_fields_by_axis(network.module, network.input_shape)
    unit = tuple(len(axis) // 2 for axis in fields)
    mask = actual_field(network.module, network.input_shape, unit)
    for axis, place in enumerate(unit):
        assert set(project(mask, axis)) <= set(fields[axis][place])


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(networks(dimensions=(1, 2)))
def test_drawn_networks_settle(network: Network) -> None:
    fields = theoretical_field(network.module, network.input_shape, phases=network.phases)
    assert [len(axis) for axis in fields] == list(network.phases)


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(networks(head=True))
def test_drawn_heads_have_fields(network: Network) -> None:
    assert actual_fields_by_axis(network.module, network.input_shape)
