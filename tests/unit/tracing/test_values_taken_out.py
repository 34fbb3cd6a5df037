"""Values that leave torch: what is done behind them is not verified, unless they end there."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import archcheck
from archcheck.network import Network
from archcheck.rules.base import Subject, all_rules
from archcheck.rules.options import CountOptions

logger = logging.getLogger(__name__)
Middle = Callable[[Any, Tensor], Any]
IMAGE = (3, 16, 16)
MACS = 8 * 27 * 14**2 + 4 * 72 * 12**2 + 4 * 5


class Between(nn.Module):
    """Two convolutions and a linear layer, with something done between the convolutions."""

    def __init__(self, middle: Middle) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 4, 3)
        self.last = nn.Linear(4, 5)
        self.middle = middle
        self.kept: list[float] = []

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.last(self.second(self.middle(self, self.first(x))).mean((2, 3)))
        return y


def traced(middle: Middle) -> Network:
    return archcheck.trace(Between(middle), IMAGE)


# -- values that end where they are taken out ------------------------------------------------------


def printed(net: Any, x: Tensor) -> Any:
    print(x.max().item())
    return x


def printed_as_text(net: Any, x: Tensor) -> Any:
    print(f"at most {x.max():.3f}, {x.mean().item()} on average", x.min())
    return x


def logged(net: Any, x: Tensor) -> Any:
    logger.info("at most %f", x.max().item())
    return x


def named_and_printed(net: Any, x: Tensor) -> Any:
    high, low = x.max().item(), x.min().item()
    span = round(high - low, 2)
    print("span", span)
    return x


def asserted(net: Any, x: Tensor) -> Any:
    norm = x.norm().item()
    assert norm >= 0, f"a norm of {norm}"
    return x


def counted(net: Any, x: Tensor) -> Any:
    rows, batch = len(x.flatten(0, 2).tolist()), int(x.shape[0])
    print(rows)
    return x.view(batch, -1, *x.shape[2:])


def thrown_away(net: Any, x: Tensor) -> Any:
    x.sum().item()
    return x


@pytest.mark.parametrize(
    "middle", [printed, printed_as_text, logged, named_and_printed, asserted, counted, thrown_away]
)
def test_a_value_that_is_only_shown_leaves_everything_known(middle: Middle) -> None:
    network = traced(middle)
    assert network.macs == MACS
    assert archcheck.receptive_field(network).at("features").size == (5, 5)


def decided(net: Any, x: Tensor) -> Any:
    return x * 2 if x.max() > 0 else x


def decided_by_a_number(net: Any, x: Tensor) -> Any:
    high = x.max().item()
    if high > 1e9:
        raise ValueError(f"{high} is too much")
    while float(x.min()) < -1e9:
        x = x + 1
    return x


def decided_by_a_flag(net: Any, x: Tensor) -> Any:
    strange = bool(torch.isnan(x).any()) or not torch.equal(x, x)
    return x.nan_to_num() if strange else x


@pytest.mark.parametrize("middle", [decided, decided_by_a_number, decided_by_a_flag])
def test_a_value_that_only_decides_leaves_the_path_that_was_seen_known(middle: Middle) -> None:
    network = traced(middle)
    assert network.macs == MACS
    assert any(note.text.startswith("forward decides by a value") for note in network.notes)


def test_a_value_of_a_weight_is_a_constant() -> None:
    def scaled(net: Any, x: Tensor) -> Any:
        return x * net.first.weight.max().item() + torch.tensor(net.first.bias.tolist()).sum()

    network = traced(scaled)
    assert network.macs == MACS
    assert archcheck.receptive_field(network).at("features").size == (5, 5)


def test_a_value_taken_out_at_the_end_changes_nothing_before() -> None:
    class Kept(Between):
        def forward(self, x: Tensor) -> Tensor:
            y = super().forward(x)
            self.kept = y.tolist()
            return y

    assert archcheck.trace(Kept(lambda net, x: x), IMAGE).macs == MACS


# -- values that come back -------------------------------------------------------------------------


def as_a_factor(net: Any, x: Tensor) -> Any:
    return x * x.max().item()


def as_a_factor_with_a_name(net: Any, x: Tensor) -> Any:
    high = x.max().item()
    print(high)
    scale = high + 1
    return x / scale


def as_an_attribute(net: Any, x: Tensor) -> Any:
    net.high = float(x.max())
    return x / net.high


def in_a_list(net: Any, x: Tensor) -> Any:
    net.kept.append(x.max().item())
    return x / net.kept[-1]


def as_repeats(net: Any, x: Tensor) -> Any:
    for _ in range(int(x.max().item() * 0) + 1):
        x = x + 1
    return x


def as_a_bound(net: Any, x: Tensor) -> Any:
    return x[:, :, : int(x.argmax() // 1e9) + 14]


def as_a_tensor_of_a_list(net: Any, x: Tensor) -> Any:
    return torch.tensor(x.tolist())


def as_a_filled_tensor(net: Any, x: Tensor) -> Any:
    return x + torch.full((1,), float(x.max()))


def by_numpy(net: Any, x: Tensor) -> Any:
    return torch.from_numpy(np.fft.fft2(x.numpy()).real.astype("float32"))


def written_by_numpy(net: Any, x: Tensor) -> Any:
    values = x.numpy()
    values[:] = values[..., ::-1].copy()
    return x


def as_a_bool(net: Any, x: Tensor) -> Any:
    return x * bool(x.max() > 0)


def as_a_stride(net: Any, x: Tensor) -> Any:
    return F.pad(x, (int(x.abs().max() // 1e9),) * 4)


RETURNING = [
    as_a_factor,
    as_a_factor_with_a_name,
    as_an_attribute,
    in_a_list,
    as_repeats,
    as_a_bound,
    as_a_tensor_of_a_list,
    as_a_filled_tensor,
    by_numpy,
    written_by_numpy,
    as_a_bool,
    as_a_stride,
]


@pytest.mark.parametrize("middle", RETURNING)
def test_a_value_that_may_come_back_leaves_nothing_behind_it_known(middle: Middle) -> None:
    network = traced(middle)
    assert network.macs is None
    assert {op.kind for op in network.uncounted_ops} - {"escape"} == {"conv2d", "linear"}
    assert network.op_macs(next(op for op in network.ops if op.kind == "conv2d")) == 8 * 27 * 14**2
    with pytest.raises(archcheck.UnknownField):
        archcheck.receptive_field(network).at("features")


def test_a_budget_behind_a_value_that_left_torch_is_not_verified_at_its_line() -> None:
    network = traced(as_a_tensor_of_a_list)
    verdict = all_rules()["macs"].check(Subject(network), CountOptions(at_most=10**9))
    assert verdict.status == "not-verified"
    assert verdict.message.startswith("torch.Tensor.tolist takes a value out of the network")
    (where,) = verdict.locations
    assert where.place is not None
    assert where.place.line == as_a_tensor_of_a_list.__code__.co_firstlineno + 1


def test_rules_that_count_take_what_came_back_for_the_input() -> None:
    network = traced(as_a_tensor_of_a_list)
    verdict = all_rules()["fully-connected"].check(Subject(network), CountOptions(exactly=1))
    assert verdict.found == 1


def test_a_line_that_takes_a_value_out_again_and_again_is_told_once() -> None:
    def often(net: Any, x: Tensor) -> Any:
        for _ in range(8):
            x = x * x.max().item()
        return x

    assert len(archcheck.receptive_field(traced(often)).not_modelled) == 1


# -- sizes that values decide ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "select",
    [
        lambda x: x[x[:, 0] > -9e9],
        lambda x: x[(x[:, 0] > -9e9).nonzero()[:, 0]],
        lambda x: torch.masked_select(x, x > -9e9).view(-1, 8),
        lambda x: x[torch.where(x[:, 0] > -9e9)[0]],
        lambda x: x.repeat_interleave((x[:, 0] * 0 + 2).long(), 0),
    ],
)
def test_the_cost_of_as_many_rows_as_values_say_is_not_verified(
    select: Callable[[Tensor], Tensor],
) -> None:
    class Rows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(4, 8), nn.Linear(8, 2)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.second(select(self.first(x[0])))
            return y

    network = archcheck.trace(Rows(), (6, 4))
    assert network.macs is None
    assert [op.module for op in network.uncounted_ops] == ["second"]
    verdict = all_rules()["macs"].check(Subject(network), CountOptions(at_most=10**9))
    assert "the values of the input decide how large" in verdict.message


def test_a_tensor_of_a_size_that_values_decide_costs_what_they_say() -> None:
    class Filled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 8)

        def forward(self, x: Tensor) -> Any:
            chosen = x[0][x[0, :, 0] > -9e9]
            room = torch.zeros(len(chosen), 4)
            room[:] = chosen
            return self.layer(room)

    assert archcheck.trace(Filled(), (6, 4)).macs is None


def test_no_row_may_be_one_the_next_time() -> None:
    class Chosen(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 8)

        def forward(self, x: Tensor) -> Any:
            return self.layer(x[0][x[0, :, 0] > 9e9])

    assert archcheck.trace(Chosen(), (6, 4)).macs is None


def test_tensors_in_a_list_of_a_module_are_constants() -> None:
    class Held(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self._pairs = [torch.ones(2, 4), torch.ones(2, 4)]

        def forward(self, x: Tensor) -> Any:
            return x @ self._pairs[1].clamp(max=2).T

    network = archcheck.trace(Held(), (6, 4))
    assert not network.opaque
    assert network.macs == 6 * 4 * 2


def test_what_is_written_by_a_mask_of_the_input_is_as_large_as_before() -> None:
    def cleared(net: Any, x: Tensor) -> Any:
        y = x.clone()
        y[y > 0] = 0
        return torch.where(x > 1, y, x) + x[:, torch.tensor([True] * 8)]

    assert traced(cleared).macs == MACS
