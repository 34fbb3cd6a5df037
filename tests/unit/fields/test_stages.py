"""Stages that join all positions in front of convolutions, and pools behind a single position."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import archcheck
from archcheck.fields import ReceptiveField
from tests.support import oracle

SHAPE = (3, 16, 16)
BODY = 5
"""What two convolutions of three see."""


def moved(net: Net, x: Tensor) -> Tensor:
    places = net.places(x).view(-1, 2, 3)
    grid = F.affine_grid(places, list(x.shape), align_corners=False)
    sampled: Tensor = F.grid_sample(x, grid, align_corners=False)
    return sampled


def attended(net: Net, x: Tensor) -> Tensor:
    tokens = x.flatten(2).transpose(1, 2)
    mixed: Tensor = net.attention(tokens, tokens, tokens, need_weights=False)[0]
    return mixed.transpose(1, 2).reshape(x.shape)


def filtered(net: Net, x: Tensor) -> Tensor:
    kept: Tensor = torch.fft.irfft2(torch.fft.rfft2(x) * 2, s=x.shape[-2:])
    return kept


def cosines(net: Net, x: Tensor) -> Tensor:
    angles = torch.outer(torch.arange(16.0) + 0.5, torch.arange(16.0)) * torch.pi / 16
    return angles.cos() @ x @ angles.cos().T


STAGES: dict[str, Callable[[Net, Tensor], Tensor]] = {
    "spatial transformer": moved,
    "spectrum": lambda net, x: torch.fft.fft2(x).abs(),
    "shifted spectrum": lambda net, x: torch.fft.fftshift(torch.fft.fft2(x), dim=(2, 3)).abs(),
    "filter": filtered,
    "attention": attended,
    "norm of the image": lambda net, x: F.normalize(x, dim=(1, 2, 3)),  # type: ignore[arg-type]
    "both": lambda net, x: torch.fft.fft2(moved(net, x)).abs(),
}


class Net(nn.Module):
    """A stage, two convolutions, and a head."""

    def __init__(self, stage: Callable[[Net, Tensor], Tensor], stem: int = 1) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 3, stem, padding=stem // 2)
        self.places = nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(48, 6))
        self.attention = nn.MultiheadAttention(3, 1, batch_first=True)
        self.body = nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, stride=2, padding=1)
        )
        self.last = nn.Linear(4, 10)
        self.stage = stage

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.last(self.body(self.stage(self, self.stem(x))).mean((2, 3)))
        return scores


def fields(network: nn.Module, shape: tuple[int, ...] = SHAPE) -> ReceptiveField:
    return archcheck.receptive_field(archcheck.trace(network, shape))


@pytest.mark.parametrize("stem", [1, 5])
@pytest.mark.parametrize("name", STAGES)
def test_a_global_stage_in_front_of_convolutions_begins_no_head(name: str, stem: int) -> None:
    field = fields(Net(STAGES[name], stem)).at("features")
    assert field.shape == (8, 8)
    assert field.is_global
    assert min(field.size) >= 16
    # Without the stage the network is two convolutions, and the stem.
    plain = oracle.theoretical_field(nn.Sequential(*Net(moved, stem).children())[::3], SHAPE)
    assert [oracle.hull_size(units[0]) for units in plain] == [BODY + stem - 1] * 2
    assert field.without_joins == (BODY + stem - 1,) * 2


@pytest.mark.parametrize(
    ("name", "kind"),
    [("spatial transformer", "grid_sample"), ("both", "grid_sample"), ("filter", "rfft2")],
)
def test_the_stage_is_where_the_field_becomes_global(name: str, kind: str) -> None:
    rf = fields(Net(STAGES[name]))
    for location in ("features", "output"):
        joined = rf.at(location).joined_by
        assert joined is not None
        assert joined.kind == kind


def test_what_was_global_in_front_of_a_stage_is_named() -> None:
    def gated(net: Net, x: Tensor) -> Tensor:
        return moved(net, x * x.mean((2, 3), keepdim=True).sigmoid())

    joined = fields(Net(gated)).at("features").joined_by
    assert joined is not None
    assert joined.kind == "mean"


def test_a_network_that_cannot_do_without_its_stage_has_no_field_without_it() -> None:
    field = fields(Net(lambda net, x: torch.fft.rfft2(x).abs())).at("features")
    assert field.shape == (8, 5)
    assert field.without_joins is None


def test_a_matrix_along_an_axis_keeps_the_axis() -> None:
    field = fields(Net(cosines)).at("features")
    assert (field.shape, field.size) == ((8, 8), (16, 16))


class Tokens(nn.Module):
    """A convolution, attention over all positions, and a mean."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.last = nn.Conv2d(3, 4, 3), nn.Conv1d(4, 10, 1)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.conv(x).flatten(2).transpose(1, 2)
        mixed = F.scaled_dot_product_attention(tokens, tokens, tokens)
        scores: Tensor = self.last(mixed.transpose(1, 2)).mean(2)
        return scores


def test_a_global_stage_with_no_window_behind_it_begins_the_head() -> None:
    field = fields(Tokens()).at("features")
    assert (field.size, field.shape, field.is_global) == ((3, 3), (196,), False)


def down_to_one(*behind: nn.Module) -> nn.Sequential:
    """A field of 7 × 7 on a map of 8 × 8, a convolution over all of it, and something behind."""
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(4, 8, 3, padding=1),
        nn.Conv2d(8, 8, 8), nn.BatchNorm2d(8), nn.ReLU(), *behind, nn.Flatten(),
    )  # fmt: skip


def test_a_pool_behind_a_single_position_is_told_beside_the_head() -> None:
    pool = (nn.Conv2d(8, 10, 1), nn.AdaptiveAvgPool2d(1))
    field = fields(down_to_one(*pool)).at("features")
    assert field.size == (7, 7)
    assert field.before_pool is not None
    # 7 + (8 - 1) * 2 by the formula for chains (Araujo, Norris and Sim, Distill 2019).
    assert field.before_pool.size == (21, 21)
    spec = {"rules": {"receptive-field": {"exactly": 7}}}
    report = archcheck.verify(down_to_one(*pool).eval(), spec, input_shape=SHAPE)
    assert report.passed
    assert "21 × 21 in front of 7" in report.finding("receptive-field").verdict.note


def test_without_a_pool_behind_there_is_one_number() -> None:
    assert fields(down_to_one()).at("features").before_pool is None
    pooled = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert fields(pooled).at("features").before_pool is None


class Branches(nn.Module):
    """Branches of a head, each from another place of the network."""

    def __init__(self, *ends: Callable[[Branches, Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 5, stride=2)
        self.whole = nn.Conv2d(4, 4, 6)
        self.ends = ends

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        z = self.second(y)
        return torch.cat([end(self, part) for end, part in zip(self.ends, (x, y, z))], 1)  # noqa: B905


def average(net: Branches, x: Tensor) -> Tensor:
    return x.mean((2, 3))


def covered(net: Branches, x: Tensor) -> Tensor:
    whole: Tensor = net.whole(x)
    return whole.flatten(1)


def strongest(net: Branches, x: Tensor) -> Tensor:
    return x.flatten(2).topk(3).values.flatten(1)


@pytest.mark.parametrize(
    "ends",
    [
        (average, average, average),
        (strongest, average, covered),
        (average, strongest, strongest),
        (strongest, strongest, average),
    ],
)
def test_of_the_branches_of_a_head_the_one_counts_that_sees_most(
    ends: tuple[Callable[[Branches, Tensor], Tensor], ...],
) -> None:
    field = fields(Branches(*ends)).at("features")
    assert (field.size, prod(field.shape)) == ((7, 7), 36)
