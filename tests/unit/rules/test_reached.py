"""Only what an output depends on is a layer, and what almost counts is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import archcheck
from archcheck.rules import Verdict
from archcheck.spec import spec_from
from tests.support.modules import Fn

S = nn.Sequential
DILATED = nn.Conv2d(3, 3, 3, padding=2, dilation=2)
GRID = (3, 16, 16)


def judge(net: nn.Module, rule: str, options: Any) -> Verdict:
    spec = spec_from({"rules": {rule: options}})
    return archcheck.verify(net, spec, input_shape=GRID).finding(rule).verdict


class Slotted:
    __slots__ = ("first", "second")

    def __init__(self, first: Tensor, second: Tensor) -> None:
        self.first, self.second = first, second


@dataclass
class Heads:
    boxes: list[dict[str, Tensor]]
    other: Slotted


def thrown_away(s: Any, x: Tensor) -> Any:
    s.d(x)
    return x * 2


def only_its_shape(s: Any, x: Tensor) -> Any:
    return x + torch.zeros_like(s.d(x))


def printed(s: Any, x: Tensor) -> Any:
    print(s.d(x).sum().item())
    return x * 2


def times_zero(s: Any, x: Tensor) -> Any:
    return x + 0 * s.d(x)


def overwritten(s: Any, x: Tensor) -> Any:
    y = s.d(x)
    y.copy_(x)
    return y


def overwritten_by_a_slice(s: Any, x: Tensor) -> Any:
    y = s.d(x)
    y[:, ...] = x
    return y


def overwritten_through_a_view(s: Any, x: Tensor) -> Any:
    y = s.d(x)
    y.view(y.shape).copy_(x)
    return y


@pytest.mark.parametrize(
    "forward",
    [
        thrown_away,
        only_its_shape,
        printed,
        times_zero,
        overwritten,
        overwritten_by_a_slice,
        overwritten_through_a_view,
    ],
)
def test_a_convolution_without_effect_is_no_layer(forward: Callable[[Any, Tensor], Any]) -> None:
    net = Fn(forward, d=DILATED)
    verdict = judge(net, "dilated", "required")
    assert (verdict.status, verdict.found) == ("failed", 0)
    assert "d reaches no output" in verdict.message
    assert judge(net, "dilated", "forbidden").status == "passed"
    assert judge(net, "layers", {"kind": "Conv2d", "at_least": 1}).status == "failed"
    # It is computed all the same.
    assert judge(net, "macs", {"exactly": 16 * 16 * 81}).status == "passed"


def partly_overwritten(s: Any, x: Tensor) -> Any:
    y = s.d(x)
    y[:, 0] = 0
    return y


def written_into_a_buffer(s: Any, x: Tensor) -> Any:
    out = torch.empty(1, 6, 16, 16)
    out[:, 3:] = s.d(x)
    out[:, :3].copy_(x)
    return out


def added_in_place(s: Any, x: Tensor) -> Any:
    y = x.clone()
    row = y[:, :, 0]
    row += s.d(x)[:, :, 0]
    return y


def deep_in_an_object(s: Any, x: Tensor) -> Any:
    return Heads([{"a": x}, {"b": x}], Slotted(x, s.d(x)))


def only_gate(s: Any, x: Tensor) -> Any:
    return torch.where(s.d(x) > 0, x, -x)


@pytest.mark.parametrize(
    "forward",
    [partly_overwritten, written_into_a_buffer, added_in_place, deep_in_an_object, only_gate],
)
def test_a_convolution_with_effect_is_a_layer(forward: Callable[[Any, Tensor], Any]) -> None:
    verdict = judge(Fn(forward, d=DILATED), "dilated", {"exactly": 1})
    assert verdict.status == "passed"


def scaled_by_a_number(s: Any, x: Tensor) -> Any:
    return x * float(s.d(x).mean())


def decided(s: Any, x: Tensor) -> Any:
    return x if s.d(x).sum() > 0 else -x


@pytest.mark.parametrize("forward", [scaled_by_a_number, decided])
@pytest.mark.parametrize("options", ["required", "forbidden", {"exactly": 1}])
def test_what_python_does_with_a_value_is_not_known(
    forward: Callable[[Any, Tensor], Any], options: Any
) -> None:
    verdict = judge(Fn(forward, d=DILATED), "dilated", options)
    assert verdict.status == "not-verified"
    assert "whether d reaches an output" in verdict.message
    assert judge(Fn(forward, d=DILATED), "dilated", {"at_most": 1}).status == "passed"


def test_blocks_and_pairs_are_made_of_what_reaches_an_output() -> None:
    def forward(s: Any, x: Tensor) -> Any:
        y = s.deep(x)
        s.point(y)
        return s.last(y)

    net = Fn(
        forward,
        deep=nn.Conv2d(3, 6, 3, groups=3, stride=2),
        point=nn.Conv2d(6, 8, 1),
        last=nn.Conv2d(6, 8, 3),
    )
    verdict = judge(net, "depthwise-separable", "required")
    assert (verdict.status, verdict.found) == ("failed", 0)
    assert judge(net, "blocks", {"convolutions": {"exactly": 1}}).status == "passed"


NEAR: list[tuple[str, str, nn.Module]] = [
    (
        "depthwise",
        "1 has 4 groups of 8 channels",
        S(nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 3, groups=4)),
    ),
    ("depthwise-separable", "no 1×1 convolution follows it", nn.Conv2d(3, 6, 3, groups=3)),
    ("dilated", "has dilation 2 on a kernel of 1×1", nn.Conv2d(3, 8, 1, dilation=2)),
    ("dilated", "is a dilated pool", nn.MaxPool2d(3, dilation=2)),
    ("strided", "is no convolution, but has stride 2", nn.AvgPool2d(2)),
    ("transposed", "enlarges the map without", nn.Upsample(scale_factor=2)),
    ("max-pool", "is a pool, but no max pool", nn.AvgPool2d(2)),
    ("global-average-pool", "is not global: its 15×15 window over 16×16", nn.AvgPool2d(15)),
    ("global-average-pool", "is not global: it leaves a map of 2×2", nn.AdaptiveAvgPool2d(2)),
    ("global-average-pool", "is global, but a max pool", nn.AdaptiveMaxPool2d(1)),
    (
        "global-average-pool",
        "is not global: it goes back into a map",
        Fn(lambda _, x: x * F.adaptive_avg_pool2d(x, 1)),
    ),
    ("fully-connected", "joins a whole map, but is a convolution", nn.Conv2d(3, 8, 16)),
    ("fully-connected", "multiplies by a constant", Fn(lambda _, x: x @ torch.eye(16))),
]


@pytest.mark.parametrize(("rule", "reason", "net"), NEAR)
def test_a_near_miss_is_told_where_too_few_count(rule: str, reason: str, net: nn.Module) -> None:
    verdict = judge(net, rule, {"at_least": 1})
    assert verdict.status == "failed"
    assert reason in verdict.message
    assert any(reason in where.label for where in verdict.locations)
    assert reason not in judge(net, rule, "forbidden").message


def test_a_condition_that_a_layer_misses_is_told() -> None:
    asked = {"kind": "conv2d", "where": {"kernel_size": 3, "stride": 2}, "at_least": 1}
    verdict = judge(S(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 1)), "layers", asked)
    assert "0 has stride 1, not 2" in verdict.message
    assert "1 has" not in verdict.message  # it misses both


def both(s: Any, x: Tensor) -> Tensor:
    return torch.cat([x, s.d(x)], 1)


def written_over_in_a_slice(s: Any, x: Tensor) -> Tensor:
    y: Tensor = s.d(x)
    y[:, 0:3] = x
    return y


def twice_written_over(s: Any, x: Tensor) -> Tensor:
    y = both(s, x)
    y[:, 4:] = 0
    y[:, 3:4] = 1
    return y


Forward = Callable[[Any, Tensor], Any]
CUT_AWAY: dict[str, Forward] = {
    "slice": lambda s, x: both(s, x)[:, :3],
    "slice from the end": lambda s, x: torch.cat([s.d(x), x], 1)[:, -3:],
    "rows": lambda s, x: torch.cat([x, s.d(x)], 2)[:, :, :16],
    "behind a normalisation": lambda s, x: s.norm(both(s, x)).relu()[:, :3],
    "behind a pool": lambda s, x: F.max_pool2d(both(s, x), 2)[:, :3],
    "behind a convolution of groups": lambda s, x: s.grouped(both(s, x))[:, :3],
    "chunk": lambda s, x: both(s, x).chunk(2, 1)[0],
    "split": lambda s, x: torch.split(both(s, x), [3, 3], dim=1)[0],
    "narrow": lambda s, x: both(s, x).narrow(1, 0, 3),
    "select": lambda s, x: both(s, x).select(1, 2) + both(s, x)[:, 0],
    "other channels": lambda s, x: both(s, x).index_select(1, torch.tensor([2, 0])),
    "unbind": lambda s, x: torch.stack([x, s.d(x)], 1).unbind(1)[0],
    "permuted": lambda s, x: both(s, x).permute(0, 2, 3, 1)[..., :3],
    "flattened": lambda s, x: both(s, x).flatten(2)[:, :3],
    "written over in a slice": written_over_in_a_slice,
    "written over in two slices": twice_written_over,
    "zeros": lambda s, x: x + s.d(x) * torch.zeros_like(x),
    "difference of itself": lambda s, x: (lambda y: x + (y - y))(s.d(x)),
    "alpha": lambda s, x: torch.add(x, s.d(x), alpha=0),
    "power": lambda s, x: x * s.d(x) ** 0,
    "infinite divisor": lambda s, x: x + s.d(x) / float("inf"),
    "dropped out": lambda s, x: x + F.dropout(s.d(x), 1.0, True),
    "lerp": lambda s, x: torch.lerp(x, s.d(x), 0.0),
    "condition": lambda s, x: torch.where(torch.ones(1, dtype=torch.bool), x, s.d(x)),
    "mask": lambda s, x: x + s.d(x).masked_fill(torch.ones(1, dtype=torch.bool), 0.0),
    "bounds": lambda s, x: x + s.d(x).clamp(1, 1),
    "sum and difference": lambda s, x: x + s.d(x) - s.d(x),
    "sum and difference with a factor": lambda s, x: (lambda y: x + y - 0.5 * y - y / 2)(s.d(x)),
    "quotient": lambda s, x: (lambda y: x * y * y.reciprocal())(s.d(x)),
    "two kinds of squares": lambda s, x: (lambda y: x + (y * y - y**2))(s.d(x)),
    "copy": lambda s, x: (lambda y: x + (y - y.clone().detach()))(s.d(x)),
    "wider numbers": lambda s, x: (lambda y: x + (y.double().float() - y))(s.d(x)),
    "comparison": lambda s, x: (lambda y: x * (y == y))(s.d(x)),
    "impossible comparison": lambda s, x: x + (s.d(x).tanh() >= 2),
    "bounds of a sign": lambda s, x: x + F.relu(-F.softplus(s.d(x))),
    "bounds of a clamp": lambda s, x: x + s.d(x).abs().clamp(max=0),
    "whole numbers": lambda s, x: x + (s.d(x).sigmoid() * 0.5).floor(),
    "truth of a condition": lambda s, x: torch.where(s.d(x).abs() < 0, s.d(x), x),
    "either way": lambda s, x: torch.where(s.d(x) > 0, x, x),
    "one channel": lambda s, x: x * s.d(x)[:, :1].softmax(1),
    "a norm of one number": lambda s, x: x + F.layer_norm(s.d(x)[..., None], (1,))[..., 0],
    "a norm of zeros": lambda s, x: x + F.instance_norm(s.d(x), weight=torch.zeros(3)),
    "a tensor full of zeros": lambda s, x: x + s.d(x) * torch.full((1,), 0.0),
    "a number that is zero": lambda s, x: x + s.d(x) * torch.tensor(0.0),
    "a comparison that never holds": lambda s, x: x + s.d(x) * (torch.arange(1) > 2),
    "a product with nothing": lambda s, x: x + s.d(x) @ (x - x),
    "a tensor of weights": lambda s, x: torch.lerp(x, s.d(x), torch.zeros(1)),
    "a product that is added": lambda s, x: torch.addcmul(x, s.d(x), torch.zeros(1)),
    "a sum that is scaled away": lambda s, x: torch.baddbmm(x[0], s.d(x)[0], x[0], alpha=0)[None],
    "and": lambda s, x: x + ((s.d(x) > 0) & torch.zeros(1, dtype=torch.bool)),
    "smaller than the other": lambda s, x: torch.maximum(x.relu(), -s.d(x).abs()),
    "no slope": lambda s, x: x + F.leaky_relu(-s.d(x).abs(), 0.0),
    "below a threshold": lambda s, x: x + F.threshold(s.d(x).tanh(), 1.0, 0.0),
    "the sum of a softmax": lambda s, x: x * s.d(x).softmax(1).sum(1, keepdim=True),
    "likeness to itself": lambda s, x: (lambda y: x + F.cosine_similarity(y, y)[:, None])(s.d(x)),
    "back and forth": lambda s, x: (lambda y: x + (y.roll(1, 2).roll(-1, 2) - y))(s.d(x)),
    "turned twice": lambda s, x: (lambda y: x + (y.mT.transpose(3, 2) - y.flip(3).flip(-1)))(
        s.d(x)
    ),
    "to tokens and back": lambda s, x: (lambda y: x + (y.flatten(2).view(x.shape) - y))(s.d(x)),
}
LEFT: dict[str, Forward] = {
    "slice": lambda s, x: both(s, x)[:, :4],
    "step": lambda s, x: both(s, x)[:, ::2],
    "both chunks": lambda s, x: (lambda parts: parts[0] + parts[1])(both(s, x).chunk(2, 1)),
    "behind a convolution": lambda s, x: s.mixed(both(s, x))[:, :3],
    "behind a softmax": lambda s, x: both(s, x).softmax(1)[:, :3],
    "behind a norm of all": lambda s, x: F.group_norm(both(s, x), 1)[:, :3],
    "behind a shuffle": lambda s, x: F.channel_shuffle(both(s, x), 2)[:, :3],
    "behind a roll": lambda s, x: both(s, x).roll(3, 1)[:, :3],
    "glu": lambda s, x: F.glu(both(s, x), 1),
    "sum of channels": lambda s, x: both(s, x).mean(1, keepdim=True) * x,
    "reshaped": lambda s, x: both(s, x).reshape(-1, 3, 2, 16, 16)[:, :, 0],
    "a gate that is zero": lambda s, x: x + (s.gate + 1) * s.d(x),
    "condition": lambda s, x: torch.where(x > 0, x, s.d(x)),
    "written over in part": lambda s, x: partly_overwritten(s, x),
    "difference": lambda s, x: x + s.d(x) - s.d(x).flip(2),
    "twice and once": lambda s, x: (lambda y: x + 2 * y - y)(s.d(x)),
    "subtracted from a number": lambda s, x: (lambda y: (1 - y) - (y - 1) + x)(s.d(x)),
    "a number over it": lambda s, x: 0.5 / s.d(x) + x,
    "power of a number": lambda s, x: x * 2 ** s.d(x),
    "possible comparison": lambda s, x: x + (s.d(x).sigmoid() > 0.5),
    "rounded": lambda s, x: (lambda y: x + (y - y.long()))(s.d(x)),
    "normalised": lambda s, x: (lambda y: x + (y - y.mean((2, 3), keepdim=True)))(s.d(x)),
    "drawn twice": lambda s, x: (lambda y: F.dropout(y, 0.5) - F.dropout(y, 0.5))(s.d(x)),
    "a softmax of channels": lambda s, x: x * s.d(x).softmax(1),
    "negated and rectified": lambda s, x: x + F.relu(-s.d(x)),
    "turned once": lambda s, x: (lambda y: x + (y.roll(1, 2).roll(1, 2) - y))(s.d(x)),
    "another order": lambda s, x: (lambda y: y.permute(0, 2, 3, 1).permute(0, 2, 3, 1) - y.mT)(
        s.d(x).expand(-1, 3, 16, 16)[:, :, :3, :3]
    ),
    "larger than the other": lambda s, x: torch.maximum(x.relu(), s.d(x)),
    "a softmax along another axis": lambda s, x: x * s.d(x).softmax(1).sum(2, keepdim=True),
}


def with_parts(forward: Forward) -> nn.Module:
    parts = {"d": nn.Conv2d(3, 3, 3, padding=2, dilation=2), "norm": nn.BatchNorm2d(6)}
    parts |= {"grouped": nn.Conv2d(6, 6, 3, padding=1, groups=6), "mixed": nn.Conv2d(6, 6, 1)}
    return Fn(forward, gate=nn.Parameter(torch.zeros(1)), **parts).eval()


def moves(net: nn.Module) -> bool:
    """Whether another weight of the convolution gives another output, not only another rounding."""
    torch.manual_seed(0)
    x = torch.randn(2, *GRID)
    with torch.no_grad():
        before = net(x)
        net.get_parameter("d.weight").add_(torch.rand(3, 3, 3, 3))
        return not torch.allclose(before, net(x), atol=1e-5)


@pytest.mark.parametrize("forward", CUT_AWAY.values(), ids=list(CUT_AWAY))
def test_what_is_cut_away_later_is_no_layer(forward: Forward) -> None:
    verdict = judge(with_parts(forward), "dilated", {"at_least": 1})
    assert verdict.status == "failed"
    assert "d reaches no output" in verdict.message
    assert verdict.locations[0].place is not None
    assert not moves(with_parts(forward))


@pytest.mark.parametrize("forward", LEFT.values(), ids=list(LEFT))
def test_what_is_cut_away_in_part_is_a_layer(forward: Forward) -> None:
    assert judge(with_parts(forward), "dilated", {"at_least": 1}).status == "passed"
    assert moves(with_parts(forward))


ZERO_FOR_NOW: dict[str, Forward] = {
    "a state": lambda s, x: x + s.d(x) * s.state,
    "made of a state": lambda s, x: x + s.d(x) * torch.zeros(1).copy_(s.state),
    "a state that left torch": lambda s, x: x + s.d(x) * torch.tensor(s.state.item() + 0),
    "drawn": lambda s, x: x + s.d(x) * torch.randint(0, 1, (1,)),
}


@pytest.mark.parametrize("forward", ZERO_FOR_NOW.values(), ids=list(ZERO_FOR_NOW))
def test_what_a_state_of_zeros_closes_is_not_known(forward: Forward) -> None:
    net = Fn(forward, d=DILATED)
    net.register_buffer("state", torch.zeros(1))
    assert judge(net, "dilated", {"at_least": 1}).status == "not-verified"


def test_what_a_normalisation_of_a_state_of_zeros_closes_is_not_known() -> None:
    scaled = Fn(lambda s, x: x + F.group_norm(s.d(x), 1, s.scale), d=DILATED)
    scaled.register_buffer("scale", torch.zeros(3))
    assert judge(scaled, "dilated", {"at_least": 1}).status == "not-verified"
    learned = Fn(lambda s, x: x + s.d(x) * s.gate, d=DILATED, gate=nn.Parameter(torch.zeros(1)))
    assert judge(learned, "dilated", {"at_least": 1}).status == "passed"


def test_a_layer_whose_first_turn_has_no_effect_gets_no_remark() -> None:
    def forward(s: Any, x: Tensor) -> Tensor:
        state = torch.zeros_like(x)
        for _ in range(2):
            state = s.d(x) * state + x
        return state

    assert not archcheck.verify(
        Fn(forward, d=DILATED), spec_from({"rules": {"macs": {"at_least": 1}}}), input_shape=GRID
    ).remarks


def test_rules_stand_where_a_tensor_is_made_of_nothing() -> None:
    net = Fn(lambda s, x: x[:, :, torch.arange(15)].mean((2, 3)))
    assert judge(net, "global-average-pool", {"at_least": 0}).status == "passed"


class PoolsLargeBatches(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool2d(x, 2) if len(x) == 64 else x


def test_a_live_network_is_tried_at_the_batches_that_it_compares_something_with() -> None:
    spec = {"rules": {"max-pool": {"exactly": 0}}}
    report = archcheck.verify(PoolsLargeBatches(), spec, input_shape=GRID)
    assert "max_pool2d on a batch of 64" in report.findings[0].message
    assert not report.passed
