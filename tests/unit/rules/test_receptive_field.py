"""What the receptive-field rule draws where it fails: the path that sets the field."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import archcheck
from archcheck.fields import ReceptiveField
from archcheck.fields.explain.growth import by_block
from archcheck.fields.explain.path import LOW, field_path
from archcheck.rules import Verdict
from archcheck.spec import spec_from
from tests.support.zoo.catalogue import ZOO


def judge(net: nn.Module, shape: tuple[int, ...], **options: Any) -> Verdict:
    spec = spec_from({"rules": {"receptive-field": options}})
    return archcheck.verify(net.eval(), spec, input_shape=shape).finding("receptive-field").verdict


def fields(net: nn.Module, shape: tuple[int, ...]) -> ReceptiveField:
    return archcheck.receptive_field(archcheck.trace(net.eval(), shape))


def steps(verdict: Verdict) -> list[tuple[str, int]]:
    return [(row.name, row.added) for row in verdict.growth if row.added]


class Gated(nn.Module):
    """Three by three, a gate that looks at the whole map, three by three."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.last = nn.Conv2d(4, 4, 3, padding=1)
        self.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        x = x * torch.sigmoid(x.mean((2, 3), keepdim=True))
        y: Tensor = self.pool(self.last(x))
        return y


def test_a_gate_on_the_way_adds_nothing_to_the_growth() -> None:
    verdict = judge(Gated(), (3, 32, 32), at_least=100)
    assert steps(verdict) == [("first", 2), ("last", 2)]
    assert [where.module for where in verdict.locations] == ["last"]


DRAWN = ("se", "se_resnet", "mixer", "googlenet", "unet, bilinear, odd", "pspnet", "upscaler")


@pytest.mark.parametrize("at", ["features", "output"])
@pytest.mark.parametrize("name", DRAWN)
def test_the_growth_is_that_of_the_path_that_rf_draws(name: str, at: str) -> None:
    fixture = ZOO[name]
    verdict = judge(fixture.build(), fixture.shape, at=at, axis=0, at_least=10_000)
    rf = fields(fixture.build(), fixture.shape)
    field = rf.at(at)
    unit = field.widest(0)
    assert unit is not None
    path = field_path(rf, field.location, 0, LOW, unit)
    assert path is not None
    assert verdict.growth == by_block(rf.network, path.links)
    assert all(row.added > 0 for row in verdict.growth[1:])
    local = field.local[0]
    without_gates = local is not None and local < field.size[0]
    assert 1 + sum(row.added for row in verdict.growth) == (
        local if without_gates else verdict.found
    )


class Unpaired(nn.Module):
    """Two channels that see the same size, one of them further up, the other further down."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = nn.Conv1d(2, 1, 5), nn.Conv1d(2, 1, 3)

    def forward(self, x: Tensor) -> Tensor:
        up = self.up(nn.functional.pad(x, (4, 0)))
        return torch.cat([up, self.down(nn.functional.pad(x, (0, 2)))], dim=1)


def test_what_other_channels_see_beyond_the_path_counts() -> None:
    verdict = judge(Unpaired(), (2, 16), at_least=8)
    assert verdict.found == [7]
    assert steps(verdict) == [("up", 4), ("cat", 2)]


class Flat(nn.Module):
    """Sees 9 in height and 5 in width, and the whole map by a gate."""

    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Conv2d(3, 4, (9, 5), padding=(4, 2))
        self.gate = nn.AdaptiveAvgPool2d(1)
        self.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.wide(x)
        y: Tensor = self.pool((x * torch.sigmoid(self.gate(x))).relu())
        return y


def test_the_axis_that_fails_without_gates_is_drawn() -> None:
    verdict = judge(Flat(), (3, 24, 20), at_least=9, gates="ignored")
    assert verdict.found == [9, 5]
    assert steps(verdict) == [("wide", 4)]


def test_the_axis_with_too_many_holes_is_drawn() -> None:
    net = nn.Sequential(
        nn.Conv2d(3, 4, 1, stride=(1, 3)), nn.Conv2d(4, 4, 3), nn.AdaptiveAvgPool2d(1)
    )
    verdict = judge(net, (3, 24, 24), coverage={"at_least": 1})
    assert steps(verdict) == [("1", 6)]


class Concealed(nn.Module):
    """A convolution, and another one in parallel that sees less and runs later."""

    def __init__(self) -> None:
        super().__init__()
        self.wide, self.narrow = nn.Conv2d(3, 4, 7, padding=3), nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        wide = self.wide(x)
        y: Tensor = wide + self.narrow(x)
        return y


def test_the_line_is_that_of_the_last_layer_on_the_path() -> None:
    verdict = judge(Concealed(), (3, 24, 24), at_least=9)
    assert steps(verdict) == [("wide", 6)]
    assert [where.module for where in verdict.locations] == ["wide"]
