"""With ``of: anything`` no other road to what a layer does passes for its absence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import archcheck
from archcheck.spec import spec_from
from tests.support.modules import Fn

SHAPE = (3, 8, 8)
Forward = Callable[[Any, Tensor], Any]


def behind(function: Callable[[Tensor], Any], **parts: Any) -> nn.Module:
    """A function of a map of four channels."""
    return Fn(lambda s, x: function(s.stem(x)), stem=nn.Conv2d(3, 4, 3, padding=1), **parts)


def status(net: nn.Module, rule: str, **options: Any) -> str:
    asked = options or {"exactly": 0}
    spec = spec_from({"rules": {rule: {"of": "anything", **asked}}})
    found: str = archcheck.verify(net, spec, input_shape=SHAPE).finding(rule).verdict.status
    return found


def split(x: Tensor) -> Tensor:
    """Windows of 2×2 positions, in dimensions 3 and 5."""
    return x.reshape(-1, 4, 4, 2, 4, 2)


def shifted(x: Tensor) -> tuple[Tensor, Tensor]:
    return x[..., ::2], x[..., 1::2]


def larger_of_two(x: Tensor) -> Tensor:
    a, b = shifted(x)
    return torch.where(a > b, a, b)


def larger_by_arithmetic(x: Tensor) -> Tensor:
    a, b = shifted(x)
    return b + (a - b).relu()


def larger_of_two_truths(x: Tensor) -> Tensor:
    a, b = shifted(x > 0)
    return (a | b).float()


def reduced_by_index(x: Tensor) -> Tensor:
    index = torch.arange(8) // 2
    return x.new_zeros(1, 4, 4, 8).index_reduce(2, index, x, "amax")


def larger_by_a_step(x: Tensor) -> Tensor:
    a, b = shifted(x)
    step = torch.heaviside(a - b, torch.zeros(1))
    return a * step + b * (1 - step)


def larger_by_a_condition(x: Tensor) -> Tensor:
    a, b = shifted(x)
    larger = ((a - b) > 0).float()
    return a * larger + b * (1 - larger)


def larger_by_a_hypotenuse(x: Tensor) -> Tensor:
    a, b = shifted(x)
    return (a + b + torch.hypot(a - b, torch.zeros(1))) / 2


def larger_by_a_negated_sum(x: Tensor) -> Tensor:
    a, b = shifted(x)
    return (a + b + (a + b * -1).abs()) / 2


def picked_by_index(x: Tensor) -> Tensor:
    flat = x.flatten(2)
    return flat.gather(2, flat.argmax(2, keepdim=True))


def gathered_by_a_constant_kernel(x: Tensor) -> Tensor:
    kernel = torch.eye(4).view(4, 1, 2, 2).repeat(4, 1, 1, 1)
    return F.conv2d(x, kernel, stride=2, groups=4).view(-1, 4, 4, 4, 4).amax(2)


def power_mean(x: Tensor) -> Tensor:
    return F.avg_pool2d(x.clamp(min=1e-6).pow(8), 2).pow(1 / 8)


def log_of_exponentials(x: Tensor) -> Tensor:
    return (x * 20).exp().mean((2, 3)).log() / 20


def viewed_as_a_map(x: Tensor) -> Tensor:
    return (x.flatten(1) @ x.new_ones(256, 64)).view(1, 4, 4, 4).amax((2, 3))


def joined_before(x: Tensor) -> Tensor:
    tokens = x.flatten(2).mT
    return (torch.softmax(tokens @ tokens.mT, -1) @ tokens).amax(1)


def flat(x: Tensor) -> Tensor:
    return x.flatten(2)


def weighed(weights: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """The sum over all positions of values that are weighed by something."""
    return lambda x: (weights(flat(x)) * flat(x)).sum(-1)


def in_windows(x: Tensor) -> Tensor:
    windows = split(x).permute(0, 1, 2, 4, 3, 5).flatten(4)
    return ((windows - windows.mean()).mul(9).softmax(-1) * windows).sum(-1)


def shares(x: Tensor) -> Tensor:
    exponentials = (flat(x) * 50).exp()
    return exponentials / exponentials.sum(-1, keepdim=True)


def as_a_product(x: Tensor) -> Tensor:
    return (flat(x).mul(50).softmax(-1)[:, :, None] @ flat(x)[..., None]).flatten(1)


def as_attention(x: Tensor) -> Tensor:
    values = flat(x)[..., None]
    return F.scaled_dot_product_attention(torch.full((1, 4, 1, 1), 50.0), values, values)


def quotient_of_powers(x: Tensor) -> Tensor:
    return flat(x.abs().pow(9)).sum(-1) / flat(x.abs().pow(8)).sum(-1)


def quotient_of_pools(x: Tensor) -> Tensor:
    return F.avg_pool2d(x * x.exp(), 2) / F.avg_pool2d(x.exp(), 2)


def squared_often(x: Tensor) -> Tensor:
    fourth = x.square() * x * x
    return (fourth * fourth).mean((2, 3)).sqrt().sqrt().sqrt()


def summed_exponentials(x: Tensor) -> Tensor:
    a, b = shifted((9 * x).exp())
    return (a + b).log() / 9


def summed_shares(x: Tensor) -> Tensor:
    a, b = shifted(x)
    return (a * a.exp() + b * b.exp()) / (a.exp() + b.exp())


def stacked_softmax(x: Tensor) -> Tensor:
    both = torch.stack(shifted(x))
    return (both * (9 * both).softmax(0)).sum(0)


def powers_by_a_constant_kernel(x: Tensor) -> Tensor:
    return F.conv2d(x.abs().pow(9), torch.ones(4, 1, 2, 2), stride=2, groups=4).pow(1 / 9)


MAXIMA: list[tuple[str, Callable[[Tensor], Any]]] = [
    ("failed", lambda x: F.max_pool2d(x, 2)),
    ("failed", lambda x: F.adaptive_max_pool2d(x, 1)),
    ("failed", lambda x: -F.max_pool2d(-x, 2)),
    ("failed", lambda x: split(x).amax((3, 5))),
    ("failed", lambda x: split(x).amin((3, 5))),
    ("failed", lambda x: split(x).max(5)[0]),
    ("failed", lambda x: split(x).permute(3, 5, 0, 1, 2, 4).flatten(0, 1).max(0)[0]),
    ("failed", lambda x: F.unfold(x, 2, stride=2).view(1, 4, 4, 16).amax(2)),
    ("failed", lambda x: x.unfold(2, 2, 2).unfold(3, 2, 2).amax((4, 5))),
    ("failed", lambda x: F.pixel_unshuffle(x, 2).view(1, 4, 4, 4, 4).amax(2)),
    ("failed", lambda x: torch.stack(shifted(x)).amax(0)),
    ("failed", lambda x: torch.cat(shifted(x), 1).view(1, 2, 4, 8, 4).amax(1)),
    ("failed", lambda x: x.flatten(2).topk(1, -1)[0]),
    ("failed", lambda x: x.flatten(2).sort(-1, descending=True)[0][..., 0]),
    ("failed", lambda x: x.flatten(2).kthvalue(60)[0]),
    ("failed", lambda x: x.flatten(2).median(-1)[0]),
    ("failed", lambda x: x.flatten(2).quantile(0.9, dim=-1)),
    ("failed", lambda x: x.flatten(2).cummax(-1)[0][..., -1]),
    ("failed", lambda x: x.flatten(2).logsumexp(-1)),
    ("failed", lambda x: x.norm(float("inf"), (2, 3))),
    ("failed", lambda x: F.lp_pool2d(x, 8, 2)),
    ("failed", picked_by_index),
    ("failed", lambda x: torch.maximum(*shifted(x))),
    ("failed", lambda x: torch.max(*shifted(x))),
    ("failed", lambda x: torch.clamp(shifted(x)[0], min=shifted(x)[1])),
    ("failed", lambda x: torch.maximum(x, x.roll(1, 3))),
    ("failed", lambda x: torch.maximum(x, F.pad(x, (1, 0))[..., :-1])),
    ("failed", larger_of_two),
    ("failed", lambda x: (split(x) > 0.1).any(5).float()),
    ("failed", lambda x: (split(x) > 0.1).all(3).float()),
    ("failed", larger_of_two_truths),
    ("failed", reduced_by_index),
    ("failed", lambda x: F.gumbel_softmax(split(x), hard=True)),
    ("not-verified", larger_by_a_step),
    ("not-verified", larger_by_a_condition),
    ("not-verified", larger_by_a_hypotenuse),
    ("not-verified", larger_by_arithmetic),
    ("not-verified", larger_by_a_negated_sum),
    ("not-verified", gathered_by_a_constant_kernel),
    ("not-verified", power_mean),
    ("not-verified", viewed_as_a_map),
    ("failed", joined_before),
    ("not-verified", lambda x: F.pixel_shuffle(x, 2).reshape(1, 1, 16, 8, 2).amax(-1)),
    ("not-verified", log_of_exponentials),
    ("failed", weighed(lambda x: x.softmax(-1))),
    ("failed", weighed(lambda x: (100 * x).softmax(-1).detach())),
    ("failed", weighed(lambda x: F.softmin(-100 * x.relu(), -1))),
    ("failed", weighed(lambda x: (100 * x).log_softmax(-1).exp())),
    ("failed", weighed(lambda x: F.gumbel_softmax(x, 0.01, dim=-1))),
    ("failed", in_windows),
    ("failed", as_a_product),
    ("failed", lambda x: torch.einsum("bcn,bcn->bc", (9 * flat(x)).softmax(-1), flat(x))),
    ("failed", stacked_softmax),
    ("not-verified", weighed(lambda x: (x * torch.tensor(50.0)).softmax(-1))),
    ("not-verified", weighed(shares)),
    ("not-verified", as_attention),
    ("not-verified", quotient_of_powers),
    ("not-verified", quotient_of_pools),
    ("not-verified", squared_often),
    ("not-verified", summed_exponentials),
    ("not-verified", summed_shares),
    ("not-verified", powers_by_a_constant_kernel),
    ("not-verified", lambda x: (10 ** flat(x)).mean(-1).log10()),
    ("not-verified", lambda x: (flat(x).exp() + 1e-6).norm(1, -1).log()),
]


@pytest.mark.parametrize(("expected", "function"), MAXIMA)
def test_a_maximum_over_positions(expected: str, function: Callable[[Tensor], Any]) -> None:
    assert status(behind(function), "max-pool") in (expected, "failed")


NO_MAXIMA: list[Callable[[Tensor], Any]] = [
    lambda x: x.amax(1),
    lambda x: x.view(1, 2, 2, 8, 8).amax(2),
    lambda x: torch.max(x, torch.zeros(())),
    lambda x: torch.maximum(x.relu(), -x),
    lambda x: x.clamp(min=0, max=6) + x.softmax(1),
    lambda x: F.avg_pool2d(x, 2) + F.lp_pool2d(x, 2, 2),
    lambda x: x.mean((2, 3)).log_softmax(1).topk(2),
    lambda x: torch.where(torch.ones(8, 8) > 0, x, -x),
    lambda x: x.std((2, 3)),
    lambda x: x.square().mean((2, 3)).sqrt(),
    lambda x: (x.softmax(1) * x).sum(1),
    lambda x: (x * x.sigmoid() * x.mean((2, 3), True).sigmoid()).mean((2, 3)).sqrt(),
    lambda x: (flat(x).softmax(-1) * flat(x).log_softmax(-1)).sum(-1),
    lambda x: (flat(x).softmax(-1) * torch.linspace(0, 1, 64)).sum(-1),
]


@pytest.mark.parametrize("function", NO_MAXIMA)
def test_what_is_no_maximum_over_positions(function: Callable[[Tensor], Any]) -> None:
    assert status(behind(function), "max-pool") == "passed"


def attention_by_one_map(s: Any, x: Tensor) -> Tensor:
    x = s.stem(x)
    return flat(x) @ flat(s.score(x)).softmax(-1).mT


def attention_by_hand(s: Any, x: Tensor) -> Tensor:
    x = s.stem(x)
    weights = flat(s.score(x)).exp()
    return (weights * flat(x)).sum(-1) / weights.sum(-1)


def attention_of_projections(s: Any, x: Tensor) -> Tensor:
    x = s.stem(x)
    return (9 * flat(s.score(x))).softmax(-1) @ flat(s.value(x)).mT


def attention_by_products(s: Any, x: Tensor) -> Tensor:
    tokens = flat(s.stem(x)).mT
    return (tokens @ tokens.mT).softmax(-1) @ tokens


@pytest.mark.parametrize(
    "forward",
    [attention_by_one_map, attention_by_hand, attention_of_projections, attention_by_products],
)
def test_attention_to_other_values_is_no_maximum(forward: Forward) -> None:
    parts = {"score": nn.Conv2d(4, 1, 1), "value": nn.Conv2d(4, 4, 1)}
    net = Fn(forward, stem=nn.Conv2d(3, 4, 3, padding=1), **parts)
    assert status(net, "max-pool") == "passed"


AVERAGES: list[tuple[str, Callable[[Tensor], Any]]] = [
    ("failed", lambda x: x.mean((2, 3))),
    ("failed", lambda x: x.sum((2, 3)) / 64),
    ("failed", lambda x: x.sum((2, 3))),
    ("failed", lambda x: (x / 64).flatten(2).sum(2)),
    ("failed", lambda x: torch.einsum("bchw->bc", x)),
    ("failed", lambda x: F.avg_pool2d(x, 8)),
    ("failed", lambda x: F.avg_pool2d(x, 7)),
    ("failed", lambda x: F.avg_pool2d(F.avg_pool2d(x, 2), 4)),
    ("not-verified", lambda x: x.flatten(2) @ torch.full((64, 1), 1 / 64)),
    ("not-verified", lambda x: F.linear(x.flatten(2), torch.full((1, 64), 1 / 64))),
    ("not-verified", lambda x: F.conv2d(x, torch.ones(4, 1, 8, 8) / 64, groups=4)),
    ("not-verified", lambda x: torch.einsum("bchw,hw->bc", x, torch.ones(8, 8))),
    ("not-verified", lambda x: F.interpolate(x, size=1, mode="area")),
    ("not-verified", lambda x: torch.fft.fft2(x)[..., 0, 0].real),
    ("not-verified", lambda x: F.lp_pool2d(x, 1, 8)),
    ("not-verified", lambda x: x.relu().norm(1, (2, 3))),
    ("not-verified", lambda x: x.flatten(2).cumsum(2)[..., -1] / 64),
    ("not-verified", lambda x: (x.flatten(2) @ torch.ones(64, 64))[..., 0]),
    ("not-verified", lambda x: F.conv2d(x, torch.ones(4, 4, 15, 15), padding=7)[..., 4, 4]),
]


@pytest.mark.parametrize(("expected", "function"), AVERAGES)
def test_an_average_of_a_whole_map(expected: str, function: Callable[[Tensor], Any]) -> None:
    assert status(behind(function), "global-average-pool") in (expected, "failed")


def scaled(s: Any, x: Tensor) -> Any:
    return F.conv2d(s.stem(x), s.one.expand(4, 1, 8, 8), groups=4)


def test_one_learned_number_in_all_taps_may_be_an_average() -> None:
    one = nn.Parameter(torch.ones(1, 1, 1, 1))
    net = Fn(scaled, stem=nn.Conv2d(3, 4, 3, padding=1), one=one)
    assert status(net, "global-average-pool") == "not-verified"


NO_AVERAGES: list[nn.Module] = [
    behind(lambda x: x.flatten(1)[:, :10]),
    behind(lambda x: x.amax((2, 3))),
    behind(lambda x: x[..., 3, 3]),
    behind(lambda x: x * x.mean((2, 3), keepdim=True).sigmoid()),
    nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 10)),
    nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 6), nn.Flatten()),
]


@pytest.mark.parametrize("net", NO_AVERAGES)
def test_what_is_no_average_of_a_map(net: nn.Module) -> None:
    assert status(net, "global-average-pool") == "passed"


CONV = nn.Conv2d(4, 4, 3, padding=1)
TAPS = nn.Parameter(torch.randn(4, 1, 1))


def every_other_row(s: Any, x: Tensor) -> Any:
    x = s.stem(x)
    return torch.stack([s.conv(x[:, :, i::2]) for i in range(2)], 3).flatten(2, 3)


def space_to_batch(s: Any, x: Tensor) -> Any:
    x = split(s.stem(x)).permute(3, 5, 0, 1, 2, 4).reshape(4, 4, 4, 4)
    return s.conv(x)


def written_kernel(s: Any, x: Tensor) -> Any:
    kernel = torch.zeros(4, 4, 5, 5)
    kernel[:, :, ::2, ::2] = s.conv.weight
    return F.conv2d(s.stem(x), kernel, padding=2)


def spread_kernel(s: Any, x: Tensor) -> Any:
    grid = torch.zeros(2, 2)
    grid[0, 0] = 1
    return F.conv2d(s.stem(x), torch.kron(s.conv.weight, grid), padding=2)


def masked_kernel(s: Any, x: Tensor) -> Any:
    return F.conv2d(s.stem(x), s.conv.weight * (torch.arange(3) % 2 == 0), padding=1)


def slices_apart(s: Any, x: Tensor) -> Any:
    x = s.stem(x)
    return s.taps * x[..., :-4] + s.taps * x[..., 2:-2] + s.taps * x[..., 4:]


def unfolded_with_holes(s: Any, x: Tensor) -> Any:
    windows = F.unfold(s.stem(x), 3, dilation=2, padding=2)
    return s.conv.weight.flatten(1) @ windows


HOLES: list[tuple[str, Forward]] = [
    ("failed", lambda s, x: F.conv2d(s.stem(x), s.conv.weight, dilation=2)),
    ("failed", lambda s, x: F.max_pool2d(s.stem(x), 2, dilation=2)),
    ("failed", every_other_row),
    ("failed", space_to_batch),
    ("failed", slices_apart),
    ("failed", unfolded_with_holes),
    ("failed", lambda s, x: s.conv(s.stem(x)[..., ::2, ::2])),
    ("failed", lambda s, x: s.conv(F.interpolate(s.stem(x), scale_factor=0.5))),
    ("not-verified", written_kernel),
    ("not-verified", spread_kernel),
    ("not-verified", masked_kernel),
]
PARTS = {"stem": nn.Conv2d(3, 4, 3, padding=1), "conv": CONV, "taps": TAPS}


@pytest.mark.parametrize(("expected", "forward"), HOLES)
def test_positions_that_are_read_with_holes(expected: str, forward: Forward) -> None:
    assert status(Fn(forward, **PARTS), "dilated") in (expected, "failed")


NO_HOLES: list[Forward] = [
    lambda s, x: s.conv(F.max_pool2d(s.stem(x), 2)),
    lambda s, x: s.conv(s.stem(x)[..., 1:-1, 1:-1]) + s.stem(x)[..., 1:-1, 1:-1],
    lambda s, x: s.conv(s.conv(s.stem(x)).flatten(2).transpose(1, 2).mT.view(1, 4, 8, 8)),
    lambda s, x: s.conv(F.interpolate(s.stem(x), scale_factor=2)),
    lambda s, x: s.stem(x).mean((2, 3)),
]


@pytest.mark.parametrize("forward", NO_HOLES)
def test_what_has_no_holes(forward: Forward) -> None:
    assert status(Fn(forward, **PARTS), "dilated") == "passed"


ONE = nn.Conv2d(1, 1, 3)
MATRIX = nn.Parameter(torch.randn(64, 10))
WINDOW = nn.Parameter(torch.randn(4, 9))
DEPTHWISE: list[tuple[str, Forward]] = [
    ("failed", lambda s, x: F.conv2d(s.stem(x), s.window.view(4, 1, 3, 3), groups=4)),
    ("failed", lambda s, x: torch.cat([s.one(c) for c in s.stem(x).split(1, 1)], 1)),
    ("failed", lambda s, x: s.one(s.stem(x).view(4, 1, 8, 8)).view(1, 4, 6, 6)),
    (
        "failed",
        lambda s, x: torch.einsum(
            "bckl,ck->bcl", F.unfold(s.stem(x), 3).view(1, 4, 9, 36), s.window
        ),
    ),
    ("failed", lambda s, x: s.stem(x).flatten(2) @ s.matrix),
    ("failed", lambda s, x: F.linear(s.stem(x).flatten(2), s.matrix.t())),
    (
        "not-verified",
        lambda s, x: (F.unfold(s.stem(x), 3).view(1, 4, 9, 36) * s.window[..., None]).sum(2),
    ),
    ("not-verified", lambda s, x: s.taps * s.stem(x)[..., 1:] + s.taps * s.stem(x)[..., :-1]),
    (
        "not-verified",
        lambda s, x: F.conv2d(s.stem(x), s.conv.weight * torch.eye(4)[..., None, None]),
    ),
    ("not-verified", lambda s, x: torch.fft.ifft2(torch.fft.fft2(s.stem(x)) * s.taps).real),
]
CHANNELS = {**PARTS, "one": ONE, "matrix": MATRIX, "window": WINDOW}


@pytest.mark.parametrize(("expected", "forward"), DEPTHWISE)
def test_channels_that_are_weighed_by_themselves(expected: str, forward: Forward) -> None:
    assert status(Fn(forward, **CHANNELS), "depthwise") in (expected, "failed")


NO_DEPTHWISE: list[nn.Module] = [
    nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3, groups=2)),
    nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10)),
    nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 10)),
    behind(lambda x: torch.cat([x, F.avg_pool2d(x, 3, 1, 1)], 1) * torch.ones(8, 1, 1)),
]


@pytest.mark.parametrize("net", NO_DEPTHWISE)
def test_what_weighs_channels_together(net: nn.Module) -> None:
    assert status(net, "depthwise") == "passed"


@pytest.mark.parametrize("rule", ["max-pool", "global-average-pool", "dilated", "depthwise"])
def test_what_is_not_known_is_neither_there_nor_not(rule: str) -> None:
    net = behind(lambda x: torch.linalg.qr(x)[0] * 2)
    assert status(net, rule) == "not-verified"
    assert status(net, rule, at_least=1) == "not-verified"


def test_a_discarded_maximum_is_none() -> None:
    def forward(s: Any, x: Tensor) -> Tensor:
        x.amax((2, 3))
        return x * 2

    assert status(Fn(forward), "max-pool") == "passed"
