"""The path that sets a field, and what each layer on it adds."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

import archcheck
from archcheck.fields import ReceptiveField
from archcheck.fields.explain.path import HIGH, LOW, FieldPath, field_path, joining_ops
from tests.support.strategies import Network, networks
from tests.support.zoo import densenet, inception, resnet, se, unet, vit
from tests.support.zoo.catalogue import ZOO

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")


def fields(module: nn.Module, shape: tuple[int, ...]) -> ReceptiveField:
    return archcheck.receptive_field(archcheck.trace(module, shape))


def path(rf: ReceptiveField, at: str, axis: int = 0, end: int = LOW) -> FieldPath:
    field = rf.at(at)
    found = field_path(rf, field.location, axis, end, field.centre)
    assert found is not None
    return found


def assert_chain(rf: ReceptiveField, found: FieldPath) -> None:
    """Each operation reads what the one before it made, the first one the input."""
    made = set(rf.network.inputs)
    for link in found.links:
        assert made & set(link.op.inputs)
        made = set(link.op.outputs)


@given(networks(dimensions=(1, 2), exclude={"dead"}), st.data())
def test_what_the_layers_add_makes_up_the_field(drawn: Network, data: st.DataObject) -> None:
    rf = fields(drawn.module, drawn.input_shape)
    field = rf.at("output")
    unit = tuple(data.draw(st.integers(0, side - 1)) for side in field.shape)
    for axis, size in enumerate(field.unit(unit).theoretical.size):
        for end in (LOW, HIGH):
            found = field_path(rf, field.location, axis, end, unit)
            if found is None:  # maps that the two walks cut differently, rare
                continue
            assert found.size == size == 1 + sum(found.added)
            assert min(found.added, default=0) >= 0
            assert_chain(rf, found)


def test_a_chain_of_windows_adds_what_the_formula_says() -> None:
    windows = [(3, 1, 1), (5, 2, 1), (3, 1, 4), (2, 2, 1), (3, 1, 1)]  # kernel, stride, dilation
    module = nn.Sequential(*(nn.Conv2d(2, 2, k, s, dilation=d) for k, s, d in windows))
    found = path(fields(module, (2, 64, 64)), "output")
    jump, expected = 1, []
    for k, s, d in windows:
        expected.append((k - 1) * d * jump)
        jump *= s
    assert list(found.added) == expected
    assert [int(link.jump) for link in found.links] == [1, 1, 2, 2, 4]


class Sideways(nn.Module):
    """A branch that looks up and left, another that looks down and right."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.Conv2d(2, 2, 5)
        self.down = nn.Conv2d(2, 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        up = self.up(nn.functional.pad(x, (4, 0, 4, 0)))
        down = self.down(nn.functional.pad(x, (0, 2, 0, 2)))
        total: Tensor = up + down
        return total


def test_the_two_ends_may_be_set_by_different_layers() -> None:
    rf = fields(Sideways(), (2, 16, 16))
    low, high = path(rf, "output", end=LOW), path(rf, "output", end=HIGH)
    assert low.size == high.size == 7 == rf.at("output").size[0]
    assert [link.op.module for link in low.links] == ["", "up", ""]
    assert [link.op.module for link in high.links] == ["", "down", ""]
    # The addition brings in what the other branch reads beyond this one's end.
    assert low.added == (0, 4, 2)
    assert high.added == (0, 2, 4)


SHIFTED = ("swin", "swin, odd")
"""Masks over windows that end at the borders: no path leads on beyond them."""


@pytest.mark.parametrize("name", ZOO)
def test_no_layer_takes_anything_away(name: str) -> None:
    fixture = ZOO[name]
    network = archcheck.trace(fixture.build().eval(), fixture.shape)
    for index in range(len(network.inputs)):
        rf = archcheck.receptive_field(network, input_index=index)
        for at in ("features", "output"):
            field = rf.at(at)
            for axis, end in product(range(len(field.axes)), (LOW, HIGH)):
                found = field_path(rf, field.location, axis, end, field.centre)
                if found is None and name in SHIFTED:
                    continue
                assert found is not None
                assert min(found.added) >= 0
                assert_chain(rf, found)


LAST_LAYERS: list[tuple[Callable[[], nn.Module], int, str]] = [
    (resnet.resnet50, 224, "layer4.2.conv2"),
    (inception.inception_v3, 299, "trunk.10.branches.2.2.branches.1.0"),
    (unet.unet, 64, "join1.0"),
    (densenet.densenet, 64, "stages.19.body.5"),
]


@pytest.mark.parametrize(
    ("factory", "side", "last"), LAST_LAYERS, ids=lambda v: getattr(v, "__name__", "")
)
def test_well_known_networks(factory: Callable[[], nn.Module], side: int, last: str) -> None:
    with torch.device("meta"):
        rf = fields(factory().eval(), (3, side, side))
    found = path(rf, "features")
    assert 1 + sum(found.added) == rf.size[0]
    assert_chain(rf, found)
    widened = [
        link.op.module for link, added in zip(found.links, found.added, strict=True) if added
    ]
    assert widened[-1] == last


def test_gates_are_named_and_left_out_of_the_path() -> None:
    rf = fields(se.senet().eval(), (3, 32, 32))
    found = path(rf, "features")
    assert found.local
    assert 1 + sum(found.added) == 21
    assert not any(
        "se" in link.op.module.split(".") for link in found.links if link.op.kind != "mul"
    )
    names = [op.module for op in joining_ops(rf, rf.at("features").location)]
    assert names == ["block1.se.pool", "block2.se.pool", "block3.se.pool"]


def test_attention_over_all_tokens_is_on_the_path_of_the_class_token() -> None:
    rf = fields(vit.vit().eval(), (3, 32, 32))
    found = path(rf, "output")
    assert not found.local
    assert 1 + sum(found.added) == 32
    assert found.links[0].op.module == "patches"


def test_attention_over_all_tokens_is_left_out_of_the_path_of_a_patch() -> None:
    rf = fields(vit.vit().eval(), (3, 32, 32))
    assert (rf.size, rf.at("features").local) == ((32, 32), (8, 8))
    found = path(rf, "features")
    assert found.local
    assert 1 + sum(found.added) == 8
