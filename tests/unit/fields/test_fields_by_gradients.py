"""Receptive fields against gradients: an oracle that shares no code with the product."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import archcheck
from archcheck.fields import Field
from tests.support import oracle
from tests.support.strategies import Network, networks

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")


def field_of(drawn: Network, at: str) -> Field:
    """The product's answer at a point of a drawn network."""
    return archcheck.receptive_field(archcheck.trace(drawn.module, drawn.input_shape)).at(at)


def assert_theoretical(field: Field, positions: list[list[np.ndarray]]) -> None:
    """Sizes, jump-independent, and coverage of the largest units, axis by axis."""
    for axis, units in enumerate(positions):
        sizes = [oracle.hull_size(unit) for unit in units]
        largest = max(sizes)
        assert field.size[axis] == largest
        assert field.smallest[axis] == min(sizes)
        if largest:
            reads = min(
                unit.size for unit, size in zip(units, sizes, strict=True) if size == largest
            )
            assert field.coverage[axis] == pytest.approx(reads / largest)


@given(networks(dimensions=(1, 2), exclude={"dead"}))
def test_theoretical_fields_equal_the_gradients_of_a_large_input(drawn: Network) -> None:
    field = field_of(drawn, "output")
    # Only the phases that the real map has are reported; the oracle shows every phase.
    if any(side < phase for side, phase in zip(field.shape, drawn.phases, strict=True)):
        return
    positions = oracle.theoretical_field(drawn.module, drawn.input_shape, phases=drawn.phases)
    assert_theoretical(field, positions)


@given(networks(dimensions=(1, 2)))
def test_actual_fields_of_every_unit_equal_the_gradients(drawn: Network) -> None:
    field = field_of(drawn, "output")
    low, high = oracle.actual_fields_all(drawn.module, drawn.input_shape)
    for unit in np.ndindex(*field.shape):
        hulls = field.actual(unit)
        for axis, hull in enumerate(hulls):
            expected = (int(low[(axis, *unit)]), int(high[(axis, *unit)]))
            if expected[1] < 0:
                assert hull is None
            else:
                assert hull == expected, (unit, axis)


@given(networks(dimensions=(3,)), st.data())
def test_actual_fields_in_three_dimensions_equal_the_gradients(
    drawn: Network, data: st.DataObject
) -> None:
    field = field_of(drawn, "output")
    unit = tuple(data.draw(st.integers(0, side - 1)) for side in field.shape)
    mask = oracle.actual_field(drawn.module, drawn.input_shape, unit)
    for axis, hull in enumerate(field.actual(unit)):
        positions = oracle.project(mask, axis)
        if positions.size == 0:
            assert hull is None
        else:
            assert hull == (int(positions[0]), int(positions[-1]))
