"""Random networks with masks, windows and constant indices, against gradients."""

from __future__ import annotations

from hypothesis import given

from tests.support.exactness import assert_every_unit, assert_theoretical
from tests.support.strategies_masks import Chain, chains, swins


@given(chains())
def test_masks_and_indices_are_exact_at_every_unit(chain: Chain) -> None:
    assert_every_unit(chain, (2, 12, 8), most=24)


@given(swins())
def test_shifted_windows_are_exact_on_an_endless_image(chain: Chain) -> None:
    field = assert_theoretical(chain, (2, 12, 8), phases=4)
    assert not field.is_global
