"""What holds for the fields of any network: the two walks and the two readings do not contradict
each other, equal axes get equal answers, and a size beyond the image has its reason."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given

import archcheck
from archcheck.fields import Field, ReceptiveField
from archcheck.fields.algebra.axis_map import DROP, AxisMap
from archcheck.fields.explain.path import joining_ops
from archcheck.fields.locations import MapLocation
from archcheck.network import Network
from archcheck.network.kinds import VIEWS
from tests.support.dags import Dag, Drawn, Node, dags
from tests.support.exactness import followed
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
    around = any(op.kind == "roll" or op.arguments.get("mode") in AROUND for op in network.ops)
    return around or repeats_by_hand(network)


def repeats_by_hand(network: Network) -> bool:
    """Whether a map is concatenated with views of it."""

    def source(tensor: int) -> int:
        op = network.producer(tensor)
        return source(op.inputs[0]) if op is not None and op.kind in VIEWS else tensor

    joined = [op.inputs for op in network.ops if op.kind == "cat"]
    return any(len(set(map(source, inputs))) < len(inputs) for inputs in joined)


@dataclass(frozen=True)
class Borders:
    """What a network does at the borders of its maps.

    ``field`` is the field where taps beyond them lead nowhere, whatever stands there; ``met`` says
    whether there are such taps at all.
    """

    field: Field
    met: bool


def at_borders(network: Network, location: str | MapLocation) -> Borders:
    beyond: list[bool] = []
    reads_within = AxisMap.reads_within

    def kept(window: AxisMap, output: int, size: int, margin: int = 0) -> list[int]:
        beyond.append(any(not 0 <= index < size for index in window.reads(output)))
        return reads_within(replace(window, border=DROP), output, size, margin)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AxisMap, "reads_within", kept)
        field = archcheck.receptive_field(network).at(location)
        assert field.actual_map.shape == field.map.shape
    return Borders(field, any(beyond))


def assert_explained_by_borders(field: Field) -> None:
    """Up to where a border is wrapped around, the theoretical field holds the actual one; a size
    beyond the image comes from taps beyond a border."""
    if repeats_by_hand(field.network):
        return  # no tap leads to what it puts beyond a border
    borders = at_borders(field.network, field.location)
    for unit in units(field):
        for axis in range(len(field.axes)):
            kept = borders.field.actual_positions(axis, unit)
            assert not kept - field.positions(axis, unit)
    assert borders.met or all(map(operator.le, field.size, field.sides))


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
        assert_explained_by_borders(field)


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
    if not followed(rf):
        return
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
    assert_explained_by_borders(field)


def test_masked_scores_that_are_too_many_to_write_out_are_followed_back() -> None:
    nodes = [
        Node("halo", (0,), {"dim": 2, "block": 2, "reach": 1}),
        Node("windows", (1,), {"parts": (2, 2, 2), "way": "filled", "shift": 0, "grid": False}),
    ]
    rf = archcheck.receptive_field(archcheck.trace(Dag(3, nodes).eval(), (4, 3, 3, 3)))
    field = rf.at("output")
    assert field.joined_by == joining_ops(rf, field.location)[0]
    assert [op.kind for op in joining_ops(rf, field.location)] == ["mean", "softmax", "matmul"]
    assert field.local == (None, None, None)
    assert_consistent(rf, field)


def test_tokens_of_an_axis_of_one_unit_are_not_joined_by_a_class_token() -> None:
    window = {"kernel_size": (1, 1, 1), "stride": (1, 1, 3), "padding": (0, 0, 0)}
    nodes = [
        Node("conv", (0,), window | {"dilation": (1, 1, 1)}),
        Node("tokens", (1,), {"road": "class_token"}),
    ]
    rf = archcheck.receptive_field(archcheck.trace(Dag(3, nodes).eval(), (4, 3, 3, 3)))
    field = rf.at("output")
    assert joining_ops(rf, field.location) == ()
    assert field.joined_by is None
    assert field.unit((0, 0, 0), gates=False).theoretical.count == 1


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
