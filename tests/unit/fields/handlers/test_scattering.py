"""Copies of maps with a part overwritten: a slice, an index, a diagonal, where a mask is true."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import archcheck
from tests.support.exactness import assert_every_region, field_of

SHAPE = (2, 6, 7)
ROWS = torch.tensor([4, 1])
ZEROS = torch.zeros(1, 3, 6, 7).double()
BOARD = (torch.arange(6)[:, None] + torch.arange(7)) % 2 == 0


class Net(nn.Module):
    """Two maps, one of which sees further; one is written into the other."""

    def __init__(self, write: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.near = nn.Conv2d(2, 3, 1)
        self.far = nn.Conv2d(2, 3, 3, padding=1)
        self.last = nn.Conv2d(3, 2, (1, 3), padding=(0, 1))
        self.write = write

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.last(self.write(self.near(x), self.far(x)))
        return y


WRITES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "a slice": lambda a, b: a.slice_scatter(b[:, :, 1:4], 2, 1, 4),
    "a slice with a step": lambda a, b: a.slice_scatter(b[..., ::3], dim=-1, step=3),
    "a slice from behind": lambda a, b: torch.slice_scatter(a, b[..., -2:], 3, -2),
    "a slice of all": lambda a, b: torch.slice_scatter(torch.zeros_like(b), b),
    "a slice of constants": lambda a, b: b.slice_scatter(
        torch.zeros(1, 3, 2, 7).double(), 2, end=2
    ),
    "an index": lambda a, b: a.select_scatter(b[:, :, 2], 2, -1),
    "an index of constants": lambda a, b: b.select_scatter(ZEROS[..., 0], 3, 2),
    "a diagonal": lambda a, b: a.diagonal_scatter(b[..., 2], 0, 2, 3),
    "a diagonal above": lambda a, b: torch.diagonal_scatter(a, b[..., 2], 1, -2, -1),
    "a diagonal below": lambda a, b: torch.diagonal_scatter(a, b[:, :, 2, :4], -2, 2, 3),
    "where a mask is true": lambda a, b: a.masked_scatter(BOARD, b),
    "constants where a mask is true": lambda a, b: b.masked_scatter(
        BOARD, torch.ones(126).double()
    ),
    "by places in memory": lambda a, b: a.put(torch.tensor([3, 40, -1]), b.flatten()[5:8]),
    "added by places in memory": lambda a, b: torch.zeros_like(a).put(
        torch.tensor([3, 40, 3]), b.flatten()[5:8], accumulate=True
    ),
}


@pytest.mark.parametrize("name", WRITES)
def test_the_sets_of_what_was_written_equal_the_gradients(name: str) -> None:
    field = assert_every_region(Net(WRITES[name]).double(), SHAPE)
    assert field.shape == (6, 7)


def test_rows_reduced_into_others_add_to_what_they_see() -> None:
    reduced = field_of(Net(lambda a, b: a.index_reduce(2, ROWS, b[:, :, :2], "amax")), SHAPE)
    added = field_of(Net(lambda a, b: a.index_add(2, ROWS, b[:, :, :2])), SHAPE)
    for row in range(6):
        assert reduced.unit((row, 3)).actual == added.unit((row, 3)).actual


def test_what_replaces_what_was_there_and_depends_on_values_is_not_known() -> None:
    for write in (
        lambda a, b: a.index_reduce(2, ROWS, b[:, :, :2], "mean", include_self=False),
        lambda a, b: a.masked_scatter(a > 0.5, b),
    ):
        with pytest.raises(archcheck.UnknownField):
            field_of(Net(write), SHAPE)
