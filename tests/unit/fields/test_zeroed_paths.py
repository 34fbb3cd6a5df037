"""What is multiplied by nothing, taken away again or overwritten is no part of a field."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import archcheck
from tests.support.modules import Fn

SHAPE = (2, 9, 9)

ZEROED: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "times 0": lambda x, y: x + 0 * y,
    "times 0.0": lambda x, y: x + y * 0.0,
    "in place": lambda x, y: x + y.mul_(0),
    "an alpha of 0": lambda x, y: torch.add(x, y, alpha=0),
    "a lerp of 0": lambda x, y: torch.lerp(x, y, 0.0),
    "a value of 0": lambda x, y: torch.addcmul(x, y, y, value=0),
    "minus itself": lambda x, y: x + (y - y),
    "to the power of 0": lambda x, y: x * y**0,
    "clamped to a number": lambda x, y: x + y.clamp(0, 0),
    "times zeros": lambda x, y: x + y * torch.zeros(9, 9),
    "times a number made here": lambda x, y: x + y * torch.tensor(0.0),
    "times zeros of another type": lambda x, y: x + y * torch.zeros(1).long(),
    "a product with zeros": lambda x, y: x + y @ torch.zeros(9, 9),
    "a kernel of zeros": lambda x, y: x + F.conv2d(y, torch.zeros(2, 2, 1, 1)),
    "dropped": lambda x, y: x + F.dropout(y, 1.0, training=True),
    "taken away again": lambda x, y: x + y - y,
    "taken away in two steps": lambda x, y: (2 * (x + y) + 3) - y - y,
    "minus a copy of itself": lambda x, y: x + (y - y.detach()),
    "over itself": lambda x, y: x * (y / y),
    "multiplied and divided": lambda x, y: x * y / y,
    "compared with itself": lambda x, y: x + (y > y),
    "compared with what it never is": lambda x, y: x + (y.sigmoid() > 1),
    "bounded from both sides": lambda x, y: x + F.relu(-y.abs()),
    "chosen by no condition": lambda x, y: torch.where(y.relu() >= 0, x, y),
    "alike under any condition": lambda x, y: torch.where(y > 0, x, x),
    "cut off": lambda x, y: x + (y.sigmoid() / 2).long(),
    "weighed alone": lambda x, y: x * y.mean(1, keepdim=True).softmax(1),
    "a norm of zeros": lambda x, y: x + F.group_norm(y, 1, torch.zeros(2)),
}


@pytest.mark.parametrize("zeroed", ZEROED)
def test_a_path_that_is_multiplied_by_nothing_widens_no_field(zeroed: str) -> None:
    def forward(s: Any, x: Tensor) -> Tensor:
        x = s.conv(x)
        narrow: Tensor = s.last(ZEROED[zeroed](x, s.wide(x)))
        return narrow

    net = Fn(
        forward,
        conv=nn.Conv2d(2, 2, 3, padding=1),
        wide=nn.Conv2d(2, 2, 3, padding=4, dilation=4),
        last=nn.Conv2d(2, 2, 3, padding=1),
    )
    assert archcheck.receptive_field(archcheck.trace(net, SHAPE)).at("output").size == (5, 5)


def test_a_pool_times_zero_begins_no_stage() -> None:
    def forward(s: Any, x: Tensor) -> Any:
        x = s.conv(x)
        x = x + 0 * F.interpolate(F.adaptive_avg_pool2d(x, 1), size=9)
        return s.last(x).mean((2, 3))

    net = Fn(forward, conv=nn.Conv2d(2, 2, 3, padding=1), last=nn.Conv2d(2, 2, 3, padding=1))
    verdict = (
        archcheck.verify(net, {"rules": {"receptive-field": {"more_than": 5}}}, input_shape=SHAPE)
        .findings[0]
        .verdict
    )
    assert (verdict.status, verdict.found) == ("failed", [5, 5])


def test_what_a_sum_leaves_is_read_unit_by_unit() -> None:
    net = Fn(
        lambda s, x: s.last(s.conv(x) + s.wide(x) - s.wide(x)),
        conv=nn.Conv2d(2, 2, 3, padding=1),
        wide=nn.Conv2d(2, 2, 3, padding=4, dilation=4),
        last=nn.Conv2d(2, 2, 3, padding=1),
    )
    field = archcheck.receptive_field(archcheck.trace(net, SHAPE)).at("output")
    assert field.size == (5, 5)
    assert field.unit((4, 4)).actual.count == 25
