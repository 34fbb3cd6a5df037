"""Random graphs against gradients: the exact positions of border and centre units on a real image,
in both readings, and what units of an endless one see."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

import archcheck
from archcheck.fields import Field
from tests.support import oracle
from tests.support.dags import Dag, Drawn, Node, dags
from tests.support.exactness import Deep, followed


def positions(field: Field, unit: tuple[int, ...]) -> list[list[int]]:
    """The exact set that a unit depends on, axis by axis."""
    return [list(field.actual_positions(axis, unit).members()) for axis in range(len(field.axes))]


def units(sides: Sequence[int]) -> list[tuple[int, ...]]:
    """Corners, the centre, and the middles of the edges."""
    return list(product(*(sorted({0, side // 2, side - 1}) for side in sides)))


@pytest.mark.parametrize("normalization", ["ignored", "joins"])
@given(drawn=dags(), data=st.data())
def test_units_depend_on_what_has_a_gradient(
    drawn: Drawn, data: st.DataObject, normalization: str
) -> None:
    network = archcheck.trace(drawn.module, drawn.input_shape)
    rf = archcheck.receptive_field(network, normalization=normalization)
    if not followed(rf):
        return
    field = rf.at("output")
    left_out = "joins" if normalization == "joins" else "left out"
    with Deep():  # scores grow large in sums over an axis: no softmax may saturate
        run = oracle.Fields(drawn.module, drawn.input_shape, normalization=left_out)
    # An axis whose positions were joined counts none any more: its units are all alike.
    kept = [dimension - 2 for dimension in field.map.spatial_dimensions()]
    assert field.shape == tuple(run.map[axis] for axis in kept)
    anywhere = tuple(data.draw(st.integers(0, side - 1)) for side in run.map)
    for unit in [*units(run.map), anywhere]:
        mask = run.mask(unit)
        expected = [oracle.project(mask, axis).tolist() for axis in range(mask.ndim)]
        assert positions(field, tuple(unit[axis] for axis in kept)) == expected, unit


@given(drawn=dags(dimensions=(1, 2), endless=True, longest=6))
def test_units_of_an_endless_image_depend_on_what_has_a_gradient(drawn: Drawn) -> None:
    settled(drawn)


def settled(drawn: Drawn) -> None:
    network = archcheck.trace(drawn.module, drawn.input_shape)
    rf = archcheck.receptive_field(network)
    if not followed(rf):
        return
    field = rf.at("output")
    # Only the phases that the real map has are reported; the oracle shows every phase. An axis
    # of one unit may have been joined.
    sides = network.shape(network.outputs[0][1])[2:]
    if 1 in sides or any(map(operator.lt, sides, drawn.periods)):
        return
    assert field.shape == sides
    with Deep():
        expected = oracle.theoretical_field(drawn.module, drawn.input_shape, phases=drawn.periods)
    for axis, phases in enumerate(expected):
        sizes = [oracle.hull_size(found) for found in phases]
        assert (field.size[axis], field.smallest[axis]) == (max(sizes), min(sizes))
        reads = min(found.size for found in phases if oracle.hull_size(found) == max(sizes))
        assert field.coverage[axis] == pytest.approx(reads / max(sizes))


def test_offsets_mixed_in_groups_count_no_positions() -> None:
    # Three offsets of two channels each, in groups that cut the second offset in two.
    options = {"parts": (3,), "way": "inner", "groups": 2}
    module = Dag(1, [Node("space_to_depth", (0,), options)]).eval()
    field = archcheck.receptive_field(archcheck.trace(module, (4, 18))).at("output")
    assert (field.shape, field.size, field.jump) == ((6,), (3,), (3,))


def test_offsets_beside_channels_are_channels() -> None:
    # One operand's channels are made of offsets, the other's of all of them.
    offsets = Node("space_to_depth", (0,), {"parts": (3,), "way": "inner", "groups": 2})
    window = {"kernel_size": (1,), "stride": (1,), "padding": (0,), "dilation": (1,)}
    for reads in ((1, 2), (2, 1)):
        added = Node("two", reads, {"way": "add", "fit": "cut"})
        module = Dag(1, [offsets, Node("conv", (1,), window), added]).eval()
        field = archcheck.receptive_field(archcheck.trace(module, (4, 18))).at("output")
        assert (field.shape, field.size, field.jump) == ((6,), (3,), (3,))


def test_of_dimensions_of_length_one_the_last_ones_are_space() -> None:
    # One layer of windows in one sample: the layer is the axis, not the sample.
    layers = Node("sliding", (0,), {"dim": 2, "size": 3, "step": 3})
    options = {"parts": (1, 2, 4), "way": "function", "shift": 0, "grid": False}
    added = Node("two", (2, 1), {"way": "add", "fit": "cut"})
    module = Dag(3, [layers, Node("windows", (1,), options), added]).eval()
    field = archcheck.receptive_field(archcheck.trace(module, (4, 4, 4, 4))).at("output")
    assert (field.shape, field.size) == ((1, 4, 4), (3, 2, 4))
    assert field.actual((0, 3, 1)) == ((0, 2), (2, 3), (0, 3))


def test_windows_of_another_side_go_on_beyond_the_borders() -> None:
    # Windows of four, then of three: every twelfth unit has a field of the same shape.
    more = {"way": "written", "shift": 0, "grid": False}
    nodes = [Node("windows", (n,), more | {"parts": (side,)}) for n, side in enumerate((4, 3))]
    window = {"kernel_size": (3,), "stride": (1,), "padding": (1,), "dilation": (1,)}
    nodes.append(Node("conv", (2,), window))
    settled(Drawn(Dag(1, nodes).eval(), (4, 24), (12,)))


def test_cells_of_one_row_go_on_beyond_the_borders() -> None:
    nodes = [Node("cells", (0,), {"parts": (1, 3), "by_turn": False, "mode": "zeros"})]
    wider = {"mode": "bilinear", "scale_factor": (1.0, 2.0), "align_corners": False}
    nodes.append(Node("resize", (1,), wider))
    settled(Drawn(Dag(2, nodes).eval(), (4, 12, 6), (1, 6)))
