"""Large tables are united pair by pair of different sets, small ones entry by entry."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from archcheck.fields.algebra import table
from archcheck.fields.algebra.positions import EMPTY, Positions
from archcheck.fields.algebra.table import Values, united


def values(shape: tuple[int, ...], different: int, seed: int) -> Values:
    """Sets at random, of which so many differ; some are empty, and equal ones are objects apart."""
    draw = np.random.default_rng(seed)
    numbers = draw.integers(0, different, shape)
    found = np.empty(shape, dtype=object)
    for index in product(*map(range, shape)):
        number = int(numbers[index])
        found[index] = Positions(number - 3, 5) if number else EMPTY
    return found


@pytest.mark.parametrize("different", [2, 40])
def test_many_sets_are_united_as_few_are(different: int, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = [values((6, 1, 4), different, 0), values((1, 5, 4), different, 1)]
    expected = united(arrays)
    monkeypatch.setattr(table, "MANY_ENTRIES", 1)
    assert np.array_equal(united(arrays), expected)


def test_sets_of_rows_and_columns_are_united_once() -> None:
    rows, columns = (np.arange(400, dtype=object) % 20 for _ in range(2))
    rows, columns = (
        np.vectorize(lambda at: Positions(at, 1), otypes=[object])(a) for a in (rows, columns)
    )
    found = united([rows[:, None], columns[None]])
    assert found.shape == (400, 400)
    assert len({id(positions) for positions in found.flat}) <= 20 * 20
    assert found[3, 25] == Positions(3, 0b101)
