"""Receptive fields of well-known networks against published tables, of small ones against
gradients.

Published: A. Araujo, W. Norris and J. Sim, "Computing Receptive Fields of Convolutional Neural
Networks", Distill 2019. That table's ResNets carry the stride at the end of a block; the sizes
here are those of the usual build, with the stride on the 3x3 convolution.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import pytest
import torch
from torch import nn

import archcheck
from archcheck.fields import ReceptiveField
from archcheck.rules import Verdict
from tests.support import oracle
from tests.support.zoo import (
    alexnet,
    conv1d,
    conv3d,
    inception,
    mnasnet,
    mobilenet,
    resnet,
    se,
    squeezenet,
    unet,
    vgg,
)

Factory = Callable[[], nn.Module]


@lru_cache(maxsize=2)
def fields(factory: Factory, shape: tuple[int, ...]) -> ReceptiveField:
    """Without a single number computed: fields follow from shapes alone."""
    with torch.device("meta"):
        net = factory().eval()
    return archcheck.receptive_field(archcheck.trace(net, shape))


# -- published tables --------------------------------------------------------------------------

RESNETS = [
    (resnet.resnet18, (43, 99, 211, 435)),
    (resnet.resnet34, (59, 179, 547, 899)),
    (resnet.resnet50, (35, 91, 267, 427)),
    (resnet.resnet101, (35, 91, 811, 971)),
    (resnet.resnet152, (35, 155, 1291, 1451)),
]


@pytest.mark.parametrize(("factory", "sizes"), RESNETS, ids=lambda v: getattr(v, "__name__", ""))
def test_resnets_layer_by_layer(factory: Factory, sizes: Sequence[int]) -> None:
    rf = fields(factory, (3, 224, 224))
    for number, size in enumerate(sizes, 1):
        field = rf.at(f"layer{number}")
        assert field.size == field.smallest == (size, size)
        assert field.jump == (2 ** (number + 1),) * 2
        assert not field.is_global
    assert rf.at("features").size == (sizes[-1], sizes[-1])
    assert rf.at("output").is_global


LAST_MAPS = [
    (mobilenet.mobilenet_v1, 224, 315, 32),
    (mobilenet.mobilenet_v2, 224, 491, 32),
    (mnasnet.mnasnet1_0, 224, 843, 32),
    (squeezenet.squeezenet1_1, 224, 207, 16),
    (alexnet.alexnet, 224, 195, 32),
    (vgg.vgg16, 224, 212, 32),
    (inception.inception_v3, 299, 1311, 32),
]


@pytest.mark.parametrize(
    ("factory", "side", "size", "jump"), LAST_MAPS, ids=lambda v: getattr(v, "__name__", "")
)
def test_the_last_map_before_the_head(factory: Factory, side: int, size: int, jump: int) -> None:
    rf = fields(factory, (3, side, side))
    field = rf.at("features")
    assert field.size == field.smallest == (size, size)
    assert field.jump == (jump, jump)
    assert not field.is_global
    assert not rf.not_modelled


@pytest.mark.parametrize("side", [160, 224, 256])
def test_published_sizes_do_not_depend_on_the_image(side: int) -> None:
    assert fields(resnet.resnet18, (3, side, side)).size == (435, 435)


def test_vgg_on_a_small_image_has_its_head_begin_at_the_last_pool() -> None:
    rf = fields(vgg.vgg16, (3, 32, 32))
    # The fifth max pool leaves one position, so the last map lies in front of it.
    point = rf.features_locations[0]
    assert rf.at("features").size == (196, 196)
    assert rf.at("features").jump == (16, 16)
    assert point.head is not None
    assert rf.network.ops[point.head].module == "features.30"
    # Behind it the module of that name, and all that follows, sees 212.
    assert rf.at("features.30").size == (212, 212)
    assert rf.at("output").size == (212, 212)


def test_field_centres_of_symmetrically_padded_networks() -> None:
    # The published padding p and size r: the first field is centred at (r - 1) / 2 - p.
    assert fields(vgg.vgg16, (3, 224, 224)).at("features").start == (15.5, 15.5)  # padding 90
    assert fields(mobilenet.mobilenet_v1, (3, 224, 224)).at("features").start == (0, 0)  # 157


# -- small networks by hand ------------------------------------------------------------------


def test_a_causal_network_looks_back_only() -> None:
    field = fields(conv1d.tcn, (1, 80)).at("output")
    assert field.size == (1 + 2 * 2 * (1 + 2 + 4 + 8),)
    assert field.actual(79) == ((19, 79),)
    assert field.actual(0) == ((0, 0),)
    assert field.start == (-30,)


def test_axes_of_a_volume_are_independent() -> None:
    field = fields(conv3d.net3d, (1, 8, 16, 16)).at("features")
    # Depth: 3 + 2*2 (dilated) + 1 (pool) + 2*2; sides: 3 + 1 + 2*2 + 2 + 4*2.
    assert field.size == (12, 18, 18)
    assert field.jump == (2, 4, 4)


def test_squeeze_and_excite_is_global_from_the_first_gate_on() -> None:
    rf = fields(se.senet, (3, 32, 32))
    field = rf.at("features")
    assert field.is_global
    joined = field.joined_by
    assert joined is not None
    assert joined.module == "block1.se.pool"
    assert not rf.at("block1.bn2").is_global
    assert rf.at("block1").is_global
    # What papers print: stem 3, then two convolutions a block, the second block strided.
    assert field.local == (3 + 2 * 2 + 2 + 2 * 2 + 2 * 2 * 2,) * 2


def test_squeeze_and_excite_reads_all_of_the_image() -> None:
    field = fields(se.senet, (3, 16, 20)).at("block3")
    for unit in [(0, 0), (3, 5), (7, 9)]:
        mask = oracle.actual_field(se.senet(), (3, 16, 20), unit, at="block3")
        assert mask.all()
        assert field.actual(unit) == ((0, 15), (0, 19))


def test_global_field_is_the_hull_over_the_real_map() -> None:
    rf = fields(resnet.resnet18, (3, 224, 224))
    # 7x7 units of 435, 32 apart.
    assert rf.at("output").size == (435 + 6 * 32,) * 2


# -- what the rule asks ------------------------------------------------------------------------


def judge(net: nn.Module, options: dict[str, Any], shape: tuple[int, ...] = (3, 32, 32)) -> Verdict:
    spec = {"rules": {"receptive-field": options}}
    report = archcheck.verify(net, spec, input_shape=shape)
    return report.finding("receptive-field").verdict


OBLONG = nn.Conv2d(3, 8, (3, 5))


@pytest.mark.parametrize(
    ("axis", "size"),
    [("height", 3), ("width", 5), (0, 3), (1, 5), (-1, 5), ("depth", None), (2, None)],
)
def test_one_axis(axis: str | int, size: int | None) -> None:
    verdict = judge(OBLONG, {"at_least": 1, "axis": axis})
    assert verdict.found == size
    assert verdict.status == ("not-verified" if size is None else "passed")


def test_every_axis_has_to_comply() -> None:
    assert judge(OBLONG, {"at_least": 3}).status == "passed"
    assert judge(OBLONG, {"at_least": 4}).status == "failed"
    assert judge(OBLONG, {"exactly": 5}).status == "failed"


def test_points_of_the_network() -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3), nn.AdaptiveAvgPool2d(1))
    assert judge(net, {"exactly": 3, "at": "0"}).status == "passed"
    assert judge(net, {"exactly": 5}).status == "passed"
    assert judge(net, {"exactly": 32, "at": "output"}).status == "passed"
    unknown = judge(unet.unet(), {"at_least": 1, "at": "down3"})
    assert unknown.status == "not-verified"
    assert "did you mean down" in unknown.message
    net.add_module("spare", nn.Identity())
    net.forward = lambda x: net[0](x)  # type: ignore[method-assign]
    forgotten = judge(net, {"at_least": 1, "at": "spare"})
    assert (forgotten.status, forgotten.message) == ("not-verified", "spare is never called")


def test_coverage() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 1, stride=2), nn.Conv2d(4, 4, 3))
    # 0, 2 and 4 of 0 to 4.
    assert judge(net, {"coverage": {"at_least": "60%"}}).status == "passed"
    failed = judge(net, {"coverage": {"more_than": 0.6}})
    assert failed.status == "failed"
    assert "60.0%" in failed.message
    assert judge(net, {"at_least": 6, "coverage": {"at_least": 0.5}}).status == "failed"


@pytest.mark.parametrize(
    ("norm", "joins"),
    [
        (nn.GroupNorm(2, 8), True),
        (nn.InstanceNorm2d(8), True),
        (nn.LayerNorm((8, 30, 30)), True),
        (nn.BatchNorm2d(8), False),
        (nn.LocalResponseNorm(3), False),
    ],
)
def test_two_readings_of_normalisation(norm: nn.Module, joins: bool) -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 3), norm, nn.Conv2d(8, 8, 3))
    plain = judge(net, {"exactly": 5})
    strict = judge(net, {"at_least": 32, "normalization": "joins"})
    assert plain.status == "passed"
    assert strict.status == ("passed" if joins else "failed")
    assert ("would join all positions" in plain.note) == joins


def test_gates_counted_and_ignored() -> None:
    assert judge(se.senet(), {"more_than": 31}).status == "passed"
    ignored = judge(se.senet(), {"more_than": 31, "gates": "ignored"})
    assert (ignored.status, ignored.found) == ("failed", [21, 21])


def test_no_axes_at_all() -> None:
    assert judge(nn.Linear(10, 2), {"at_least": 1}, (10,)).status == "not-verified"
