"""What holds for the fields of any network: the two walks and the two readings do not contradict
each other, and equal axes get equal answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given

import archcheck
from archcheck.fields import Field, ReceptiveField
from archcheck.fields.explain.path import joining_ops
from archcheck.network import Network
from tests.support.dags import Dag, Drawn, Node, dags
from tests.support.zoo import halo
from tests.support.zoo.catalogue import ZOO

SLOW = {"inception_v2", "inception_v4", "inception_resnet_v2", "swin", "swin, odd"}
AROUND = {"circular", "reflect", "replicate"}


def names() -> list[Any]:
    slow = dict.fromkeys(SLOW, (pytest.mark.slow,))
    return [pytest.param(name, marks=slow.get(name, ())) for name in ZOO]


def traced(name: str, shape: tuple[int, ...] | None = None) -> Network:
    return archcheck.trace(ZOO[name].build().eval(), shape or ZOO[name].shape)


def fields(rf: ReceptiveField, name: str) -> Iterator[Field]:
    for point in dict.fromkeys(["features", "output", *ZOO[name].points]):
        yield rf.at(rf.locations(point)[0])


def units(field: Field) -> set[tuple[int, ...]]:
    """The first, the last and the one in the middle."""
    return {(0,) * len(field.shape), tuple(side - 1 for side in field.shape), field.centre}


def repeats(network: Network) -> bool:
    """Whether positions beyond a border stand for others inside of it."""
    return any(op.kind == "roll" or op.arguments.get("mode") in AROUND for op in network.ops)


def assert_consistent(rf: ReceptiveField, field: Field) -> None:
    network = rf.network
    (tensor, *_) = field.location.tensors
    assert field.map.shape == field.actual_map.shape == network.shape(tensor)
    joining = joining_ops(rf, field.location)
    assert bool(joining) == (field.joined_by is not None)
    assert not joining or joining[0] == field.joined_by
    for unit in units(field):
        whole, ungated = field.unit(unit), field.unit(unit, gates=False)
        for axis in range(len(field.axes)):
            theoretical, actual = field.positions(axis, unit), field.actual_positions(axis, unit)
            assert whole.theoretical.axes[axis] == theoretical
            assert whole.actual.axes[axis] == actual
            assert not ungated.theoretical.axes[axis] - theoretical
            if ungated.theoretical.boxes:
                assert ungated.theoretical.axes[axis] == field.positions(axis, unit, gates=False)
            if not repeats(network):
                assert not actual - theoretical
                assert not ungated.actual.axes[axis] - ungated.theoretical.axes[axis]


@pytest.mark.parametrize("name", names())
def test_the_walks_and_the_readings_do_not_contradict_each_other(name: str) -> None:
    rf = archcheck.receptive_field(traced(name))
    for field in fields(rf, name):
        assert_consistent(rf, field)


ONE_SIDED = {"axial, rows", "crnn", "in place", "indexed"}
"""Networks that do not treat height and width alike."""


@pytest.mark.parametrize(
    "name",
    [p for p in names() if len(ZOO[p.values[0]].shape) == 3 and p.values[0] not in ONE_SIDED],
)
def test_an_image_turned_gets_answers_turned(name: str) -> None:
    channels, *sides = ZOO[name].shape
    upright = archcheck.receptive_field(traced(name))
    turned = archcheck.receptive_field(traced(name, (channels, *reversed(sides))))
    for one, other in zip(fields(upright, name), fields(turned, name), strict=True):
        for figures in ("size", "smallest", "local", "jump", "start", "coverage", "shape"):
            assert getattr(other, figures) == getattr(one, figures)[::-1], figures


@pytest.mark.parametrize("unfolds", ["method", "function"])
@pytest.mark.parametrize(
    ("sides", "size"), [((4, 4), (12, 12)), ((4, 12), (12, 18)), ((12, 4), (18, 12))]
)
def test_attention_in_blocks_joins_the_axis_of_which_there_is_one_block(
    unfolds: str, sides: tuple[int, int], size: tuple[int, int]
) -> None:
    network = archcheck.trace(halo.HaloNet(unfolds=unfolds).eval(), (3, *sides))
    field = archcheck.receptive_field(network).at("output")
    # A single block sees four positions and the halo, and more by the convolutions alone.
    assert field.size == size
    assert [axis.joined_by is not None for axis in field.axes] == [side == 4 for side in sides]
    assert field.unit((0, 0)).actual.axes == tuple(
        field.actual_positions(axis, (0, 0)) for axis in (0, 1)
    )


@given(dags(longest=6))
def test_what_is_known_of_random_graphs_is_no_contradiction(drawn: Drawn) -> None:
    rf = archcheck.receptive_field(archcheck.trace(drawn.module, drawn.input_shape))
    field = rf.at("output")
    assert field.map.shape == rf.network.shape(field.location.tensors[0])
    assert bool(joining_ops(rf, field.location)) == (field.joined_by is not None)
    for unit in units(field):
        try:
            whole = field.unit(unit)
        except archcheck.UnknownField:
            continue
        for axis in range(len(field.axes)):
            theoretical, actual = field.positions(axis, unit), field.actual_positions(axis, unit)
            assert not whole.theoretical.axes[axis] - theoretical
            assert whole.actual.axes[axis] == actual
            assert repeats(rf.network) or not actual - whole.theoretical.axes[axis]


def test_a_map_beside_itself_turned_does_not_go_on_along_both_axes() -> None:
    window = {"kernel_size": (1, 1), "stride": (1, 1), "padding": (0, 0), "dilation": (1, 1)}
    nodes = [
        Node("swap", (0,), {}),
        Node("two", (1, 0), {"way": "cat", "fit": "cut"}),
        Node("conv", (2,), window),
        Node("along", (3,), {"dim": 2, "way": "linear", "side": 3}),
    ]
    rf = archcheck.receptive_field(archcheck.trace(Dag(2, nodes).eval(), (4, 3, 3)))
    field = rf.at("output")
    assert_consistent(rf, field)
    assert field.size == (3, 3)
