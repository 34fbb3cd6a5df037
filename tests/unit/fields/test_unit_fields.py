"""The exact sets of positions that single units read, on all axes at once, against gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor, nn

import archcheck
from archcheck.fields import Region, UnknownField
from archcheck.fields.algebra.positions import Positions
from archcheck.fields.algebra.region import canonical
from tests.support import oracle
from tests.support.exactness import assert_every_region, field_of
from tests.support.modules import Around, Cross
from tests.support.strategies import Network, networks
from tests.support.zoo import inception, se, unet

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")


# -- random networks ---------------------------------------------------------------------------


@given(networks(dimensions=(1, 2)))
def test_actual_sets_of_every_unit_equal_the_gradients(drawn: Network) -> None:
    assert_every_region(drawn.module, drawn.input_shape)


@given(networks(dimensions=(3,)), st.data())
def test_actual_sets_in_three_dimensions_equal_the_gradients(
    drawn: Network, data: st.DataObject
) -> None:
    field = field_of(drawn.module, drawn.input_shape)
    unit = tuple(data.draw(st.integers(0, side - 1)) for side in field.shape)
    mask = oracle.actual_field(drawn.module, drawn.input_shape, unit)
    assert np.array_equal(field.unit(unit).actual.mask(), mask)


@given(networks(dimensions=(1, 2), exclude={"dead"}))
def test_theoretical_sets_equal_the_gradients_of_a_large_input(drawn: Network) -> None:
    field = field_of(drawn.module, drawn.input_shape)
    assume(all(side >= phase for side, phase in zip(field.shape, drawn.phases, strict=True)))
    assume(np.prod(drawn.phases) <= 16)
    expected = oracle.theoretical_masks(drawn.module, drawn.input_shape, drawn.phases)
    found = [field.unit(unit).theoretical for unit in product(*map(range, drawn.phases))]
    assert sorted(map(drawing, map(hull_mask, found))) == sorted(map(drawing, expected))


def hull_mask(region: Region) -> np.ndarray:
    assert region.hull is not None
    return region.mask([low for low, _ in region.hull], region.size)


def drawing(mask: np.ndarray) -> tuple[tuple[int, ...], bytes]:
    return mask.shape, mask.tobytes()


# -- networks whose fields are no products -----------------------------------------------------


class CrissCross(nn.Module):
    """Every position attends to its row and to its column."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        rows = x.permute(0, 2, 3, 1)
        columns = x.permute(0, 3, 2, 1)
        along = F.scaled_dot_product_attention(rows, rows, rows).permute(0, 3, 1, 2)
        down = F.scaled_dot_product_attention(columns, columns, columns).permute(0, 3, 2, 1)
        return along + down


class Grouped(nn.Module):
    """Halves of the channels go different ways and are asked for one by one."""

    def forward(self, x: Tensor) -> Tensor:
        left, right = x.chunk(2, 1)
        y = torch.cat([left.roll(2, 2), right.roll(3, 3)], 1)
        return F.conv2d(y, torch.ones(4, 2, 1, 1, dtype=y.dtype), groups=2)


class Squared(nn.Module):
    """A product of a map with itself: unit (i, j) reads row i and column j."""

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x @ x
        return y


NOT_PRODUCTS: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "crosses": (Cross(), (2, 13, 11)),
    "crosses in groups": (Cross(2), (2, 13, 11)),
    "criss-cross attention": (CrissCross(), (2, 7, 6)),
    "channels apart": (Grouped(), (4, 7, 6)),
    "a map by itself": (Squared(), (2, 6, 6)),
}


@pytest.mark.parametrize("name", NOT_PRODUCTS)
def test_fields_that_are_no_products_are_exact(name: str) -> None:
    module, shape = NOT_PRODUCTS[name]
    field = assert_every_region(module, shape)
    assert not field.unit().actual.is_product


CUT_ANEW: dict[str, Callable[[Tensor], Tensor]] = {
    "pairs, and pairs of these": lambda x: (
        torch.unflatten(x, 2, (4, 2)).roll(1, 3).reshape(1, 4, 2, 4, 6).flip(3).reshape(x.shape)
    ),
    "windows turned": lambda x: (
        x.reshape(1, 4, 2, 4, 2, 3).transpose(3, 5).flip(3).transpose(3, 5).reshape(x.shape)
    ),
}


@pytest.mark.parametrize("name", CUT_ANEW)
def test_a_window_over_an_axis_that_was_cut_reads_no_product_of_its_parts(name: str) -> None:
    module = Around(CUT_ANEW[name])
    field = assert_every_region(module, (2, 8, 6))
    for unit in np.ndindex(*field.shape):
        assert field.unit(unit).theoretical.within() == field.unit(unit).actual
        for axis, positions in enumerate(field.unit(unit).theoretical.axes):
            assert positions == field.positions(axis, unit)


class EverySecond(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, ::2]


@pytest.mark.parametrize("step", [nn.MaxPool1d(1, 2), EverySecond()])
def test_an_operation_that_only_steps_is_not_left_out(step: nn.Module) -> None:
    field = field_of(nn.Sequential(step, nn.Conv1d(2, 2, 3)), (2, 12))
    assert field.unit((1,)).theoretical.boxes == ((Positions.of([2, 4, 6]),),)
    assert field.unit((1,)).actual.boxes == ((Positions.of([2, 4, 6]),),)


def test_a_cross_on_an_endless_image_goes_beyond_the_borders() -> None:
    field = field_of(Cross(), (2, 13, 11))
    corner = field.unit((0, 0))
    assert corner.theoretical.hull == ((-4, 4), (-6, 6))
    assert corner.actual == Region(corner.theoretical.within().boxes, (13, 11))
    expected = oracle.theoretical_masks(Cross(), (2, 13, 11), (1, 1))
    assert np.array_equal(hull_mask(corner.theoretical), expected[0])


# -- well-known networks -----------------------------------------------------------------------


@pytest.mark.parametrize("factory", [unet.unet, unet.bilinear_unet, se.senet])
def test_single_units_of_well_known_networks(factory: Callable[[], nn.Module]) -> None:
    module, shape = factory().eval(), (3, 32, 32)
    field = field_of(module, shape, "features")
    point = {"senet": "block3"}.get(factory.__name__)
    for unit in ((0, 0), field.centre, tuple(side - 1 for side in field.shape)):
        mask = oracle.actual_field(module, shape, unit, at=point)
        assert np.array_equal(field.unit(unit).actual.mask(), mask)


def test_inception_s_field_is_not_a_square() -> None:
    with torch.device("meta"):
        module = inception.inception_v3().eval()
    unit = field_of(module, (3, 299, 299), "features").unit()
    assert unit.theoretical.size == (1311, 1311)
    assert not unit.theoretical.is_product
    assert 0.99 < unit.theoretical.density < 1


def test_gates_can_be_left_out() -> None:
    field = field_of(se.senet().eval(), (3, 32, 32), "features")
    assert field.unit().actual.count == 32 * 32
    without = field.unit(gates=False)
    assert without.theoretical.size == field.local == (21, 21)
    assert without.actual == without.theoretical.within()
    strict = archcheck.receptive_field(field.network, normalization="joins")
    with pytest.raises(ValueError, match="gates"):
        strict.at("features").unit(gates=False)


def test_a_norm_read_strictly_sees_all_positions() -> None:
    class Normed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.InstanceNorm2d(2)
            self.conv = nn.Conv2d(2, 2, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.conv(self.norm(x))
            return y

    network = archcheck.trace(Normed(), (2, 6, 6))
    strict = archcheck.receptive_field(network, normalization="joins").at("output")
    corner = strict.unit((0, 0))
    # Behind it the map is the real one: taps of windows beside it add nothing.
    assert corner.actual == corner.theoretical
    assert corner.theoretical.size == strict.size == (6, 6)
    assert archcheck.receptive_field(network).at("output").unit((0, 0)).actual.count == 4


# -- questions ---------------------------------------------------------------------------------


def test_units_that_do_not_exist() -> None:
    field = field_of(nn.Conv2d(1, 1, 3), (1, 8, 9))
    assert field.centre == (3, 3)
    assert field.unit().unit == (3, 3)
    for unit in ((6, 0), (0, -1), (0,), (0, 0, 0)):
        with pytest.raises(IndexError, match="map of 6×7"):
            field.unit(unit)


def test_what_is_not_known_stays_unknown() -> None:
    network = archcheck.trace(Around(lambda x: torch.linalg.qr(x)[0]), (2, 8, 8))
    with pytest.raises(UnknownField):
        archcheck.receptive_field(network).at("output").unit()


sets = st.frozensets(st.integers(-3, 6), max_size=5).map(Positions.of)


@given(st.lists(st.tuples(sets, sets, sets), max_size=6), st.randoms(use_true_random=False))
def test_one_region_has_one_form(boxes: list[tuple[Positions, ...]], random: object) -> None:
    def members(some: Sequence[tuple[Positions, ...]]) -> list[tuple[int, ...]]:
        return [at for box in some for at in product(*(p.members() for p in box))]

    found = canonical(boxes)
    assert set(members(found)) == set(members(boxes))
    assert len(members(found)) == len(set(members(found)))  # disjoint
    assert canonical(found) == found == canonical(list(reversed(boxes)))


@given(sets, sets)
def test_positions_as_sets(one: Positions, other: Positions) -> None:
    a, b = set(one.members()), set(other.members())
    assert set((one & other).members()) == a & b
    assert set((one - other).members()) == a - b
    assert {m for low, high in one.runs() for m in range(low, high + 1)} == a
    assert all(m - 1 not in a for m, _ in one.runs())
    assert set(one.within(4).members()) == {m for m in a if 0 <= m < 4}
