"""Maps that are padded by hand: concatenated with zeros or with their own borders, written into a
frame of zeros, or added to themselves one position further on. They go on beyond the frame as
behind any padding."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import archcheck
from tests.support.dag_pieces import Way, some_channels_moved
from tests.support.exactness import assert_every_region, assert_every_unit, field_of


def zeros_in_front(x: Tensor) -> Tensor:
    return torch.cat([x.new_zeros(*x.shape[:-1], 2), x], -1)


def zeros_around(x: Tensor) -> Tensor:
    zeros = torch.zeros(*x.shape[:-1], 1)
    return torch.cat([zeros, x, zeros], -1)


def written_behind_zeros(x: Tensor) -> Tensor:
    frame = torch.zeros(*x.shape[:-1], x.shape[-1] + 2, dtype=x.dtype)
    frame[..., 2:] = x
    return frame


def copied_into_zeros(x: Tensor) -> Tensor:
    frame = x.new_zeros(*x.shape[:-1], x.shape[-1] + 2)
    frame[..., 1:-1].copy_(x)
    return frame


def scattered_into_zeros(x: Tensor) -> Tensor:
    frame = x.new_zeros(*x.shape[:-1], x.shape[-1] + 2)
    return frame.slice_scatter(x, -1, 1, -1)


def first_repeated(x: Tensor) -> Tensor:
    return torch.cat([x[..., :1]] * 2 + [x], -1)


def edges_expanded(x: Tensor) -> Tensor:
    sides = [-1] * (x.dim() - 1)
    return torch.cat([x[..., :1].expand(*sides, 1), x, x[..., -1:].repeat(*[1] * x.dim())], -1)


def mirrored(x: Tensor) -> Tensor:
    return torch.cat([x[..., 1:3].flip(-1), x], -1)


def taken_around(x: Tensor) -> Tensor:
    return torch.cat([x[..., -1:], x, x[..., :1]], -1)


PADDED: dict[str, Way] = {
    way.__name__: way
    for way in (
        zeros_in_front, zeros_around, written_behind_zeros, copied_into_zeros,
        scattered_into_zeros, first_repeated, edges_expanded, mirrored, taken_around,
    )
}  # fmt: skip


def difference(x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    y[..., 1:-1] = x[..., 2:] - x[..., :-2]
    return x + y


def added_in_place(x: Tensor) -> Tensor:
    y = x.clone()
    y[..., 1:] += x[..., :-1]
    y[..., :-1].add_(x[..., 1:])
    return y


def concatenated(x: Tensor) -> Tensor:
    zeros = torch.zeros_like(x[..., :1])
    return x + torch.cat([zeros, x[..., :-1]], -1) + torch.cat([x[..., 1:], zeros], -1)


SHIFTED: dict[str, Way] = {
    way.__name__: way for way in (some_channels_moved, difference, added_in_place, concatenated)
}


class Layers(nn.Module):
    """Convolutions along the last axis, with something in front of each."""

    def __init__(self, way: Way, kernel_size: int, padding: int, dims: int, count: int) -> None:
        super().__init__()
        self.way = way
        sides = [1] * (dims - 1)
        kernel, around = (*sides, kernel_size), (*[0] * (dims - 1), padding)
        make = nn.Conv1d if dims == 1 else nn.Conv2d
        self.layers = nn.ModuleList(make(4, 4, kernel, padding=around) for _ in range(count))  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(self.way(x))
        return x


def padded(way: str, dims: int = 1, count: int = 4) -> Layers:
    return Layers(PADDED[way], 3, 0, dims, count)


def shifted(way: str, dims: int = 1, count: int = 4) -> Layers:
    return Layers(SHIFTED[way], 1, 0, dims, count)


@pytest.mark.parametrize("build", [padded, shifted])
def test_fields_are_as_large_as_on_any_image(build: Callable[..., Layers]) -> None:
    for way in PADDED if build is padded else SHIFTED:
        for side in (5, 40):
            field = field_of(build(way).eval(), (4, side))
            assert (field.size, field.smallest, field.shape) == ((9,), (9,), (side,)), way
            assert field.jump == (1,), way


@pytest.mark.parametrize("way", PADDED)
def test_units_behind_padding_read_what_has_a_gradient(way: str) -> None:
    assert_every_unit(padded(way, count=2), (4, 6))
    assert_every_region(padded(way, dims=2, count=2), (4, 3, 6))


@pytest.mark.parametrize("way", SHIFTED)
def test_units_behind_shifts_read_what_has_a_gradient(way: str) -> None:
    assert_every_unit(shifted(way, count=2), (4, 6))
    assert_every_region(shifted(way, dims=2, count=2), (4, 3, 6))


@pytest.mark.parametrize("way", [*PADDED, *SHIFTED])
def test_units_at_the_border_read_beyond_it(way: str) -> None:
    build = padded if way in PADDED else shifted
    field = field_of(build(way, dims=2).eval(), (4, 3, 5))
    for unit in ((0, 0), (1, 2), (2, 4)):
        assert field.unit(unit).theoretical.count == 9


def test_a_learned_token_in_front_is_no_padding() -> None:
    class Token(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.token = nn.Parameter(torch.zeros(1, 4, 1))
            self.conv = nn.Conv1d(4, 4, 1)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.conv(torch.cat([self.token, x], -1))[..., :1]
            return y

    network = archcheck.trace(Token().eval(), (4, 8))
    assert archcheck.receptive_field(network).at("output").size == (0,)


def test_halves_that_are_written_one_by_one_end_where_they_meet() -> None:
    class Halves(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wide = nn.Conv1d(4, 4, 5, padding=2)

        def forward(self, x: Tensor) -> Tensor:
            y = torch.zeros_like(x)
            y[..., :4] = x[..., :4]
            y[..., 4:] = self.wide(x)[..., 4:]
            return F.relu(y)

    field = assert_every_unit(Halves(), (4, 8))
    assert [field.positions(0, unit).count for unit in (0, 3, 4, 7)] == [1, 1, 5, 5]


def test_a_map_beside_itself_turned_around_is_no_padding() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv1d(4, 4, 3)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.conv(torch.cat([x, x.flip(-1)], -1))
            return y

    field = assert_every_unit(Both(), (4, 6))
    assert (field.shape, field.size) == ((10,), (3,))
    assert field.positions(0, 4).members() == (4, 5)


def zeroed(x: Tensor) -> Tensor:
    y = x.clone()
    y[..., 2:4] *= 0
    return y


def masked(x: Tensor) -> Tensor:
    y = x.clone()
    y[..., 2:].mul_(torch.tensor([1.0, 0.0, 1.0, 0.0]))
    return y


def overwritten(x: Tensor) -> Tensor:
    y = x.clone()
    y[..., 2:] += x[..., :-2]
    y[..., :3] = x[..., 3:]
    return y


@pytest.mark.parametrize("way", [zeroed, masked])
def test_what_is_taken_out_of_a_part_in_place_is_read_no_more(way: Way) -> None:
    field = assert_every_unit(Layers(way, 1, 0, 1, 1), (4, 6))
    assert field.actual_positions(0, 3).members() == ()


def written_elsewhere(x: Tensor) -> Tensor:
    y = x.clone()
    part = y[..., 1:]
    part += x[..., :-1]
    y[..., :-1] = part
    return y


@pytest.mark.parametrize(("way", "read"), [(overwritten, (3,)), (written_elsewhere, (0, 1))])
def test_a_part_that_grew_in_place_is_written_where_it_is_put(
    way: Way, read: tuple[int, ...]
) -> None:
    field = assert_every_unit(Layers(way, 1, 0, 1, 1), (4, 6))
    assert field.actual_positions(0, 0).members() == read


def test_a_border_turned_along_another_axis_is_no_padding() -> None:
    class Poles(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(4, 4, 3)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.conv(torch.cat([x[:, :, :1].flip(-1), x], 2))
            return y

    field = assert_every_unit(Poles(), (4, 5, 9))
    assert field.positions(1, (0, 0)).members() == (0, 1, 2, 6, 7, 8)


def test_zeros_between_positions_go_on_as_well() -> None:
    class Between(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList(nn.Conv1d(4, 4, 5, padding=2) for _ in range(4))

        def forward(self, x: Tensor) -> Tensor:
            y = x.new_zeros(*x.shape[:-1], 2 * x.shape[-1])
            y[..., 1::2] = x
            for layer in self.layers:
                y = layer(y)
            return y

    field = assert_every_unit(Between(), (4, 5))
    assert (field.size, field.smallest, field.jump) == ((9,), (8,), (Fraction(1, 2),))


def some_channels_moved_last(x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    y[:, 2:] = x[:, 2:]
    y[:, :1, ..., :-1] = x[:, :1, ..., 1:]
    y[:, 1:2, ..., 1:] = x[:, 1:2, ..., :-1]
    return y


@pytest.mark.parametrize("way", [some_channels_moved, some_channels_moved_last])
def test_channels_that_are_shifted_again_are_no_axis(way: Way) -> None:
    class Twice(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return way(way(x))

    field = assert_every_unit(Twice(), (4, 6))
    assert (field.shape, field.size, field.smallest) == ((6,), (5,), (5,))
