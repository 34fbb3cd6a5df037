"""Maps as rows of tokens and back, and maps that are written piece by piece: still maps."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import archcheck
from tests.support.dag_rows import ACROSS_ROWS, TOKENS, WRITES
from tests.support.dag_steps import CHANNELS, STEPS
from tests.support.exactness import assert_every_region, assert_every_unit, assert_theoretical
from tests.support.modules import Fn

SHAPE = (3, 7, 9)
IN_A_ROOM = {"larger_room"}


class Between(nn.Module):
    """A convolution, one way of moving its map about, and another convolution."""

    def __init__(self, step: str, **options: str) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, CHANNELS, kernel_size=3, padding=1)
        self.last = nn.Conv2d(CHANNELS, 2, kernel_size=3, padding=1)
        self.step, self.options = step, options

    def forward(self, x: Tensor) -> Tensor:
        x = STEPS[self.step](None, self.first(x), **self.options)
        y: Tensor = self.last(x)
        return y


@pytest.mark.parametrize("road", TOKENS)
def test_tokens_that_are_folded_back_are_the_map_again(road: str) -> None:
    assert_theoretical(Between("tokens", road=road), SHAPE)
    field = assert_every_unit(Between("tokens", road=road), SHAPE)
    assert (field.shape, field.size, field.smallest) == ((7, 9), (5, 5), (5, 5))


@pytest.mark.parametrize("road", [*TOKENS, *ACROSS_ROWS])
def test_single_units_behind_tokens_read_what_has_a_gradient(road: str) -> None:
    assert_every_region(Between("tokens", road=road), SHAPE)


@pytest.mark.parametrize("road", TOKENS)
def test_units_at_the_border_behind_tokens_read_beyond_it(road: str) -> None:
    model = Between("tokens", road=road)
    field = archcheck.receptive_field(archcheck.trace(model, SHAPE)).at("output")
    unit = field.unit((0, 8)).theoretical
    assert (unit.size, unit.count, unit.hull) == ((5, 5), 25, ((-2, 2), (6, 10)))


@pytest.mark.parametrize("road", ACROSS_ROWS)
def test_rows_that_follow_one_another_are_a_map_whose_units_differ(road: str) -> None:
    field = assert_every_unit(Between("tokens", road=road), SHAPE)
    assert field.varies


@pytest.mark.parametrize("way", WRITES)
def test_a_map_that_is_written_elsewhere_stays_a_map(way: str) -> None:
    field = assert_every_unit(Between("rewritten", way=way), SHAPE)
    assert (field.shape, field.size) == ((7, 9), (5, 5))
    if way not in IN_A_ROOM:
        assert_theoretical(Between("rewritten", way=way), SHAPE)


@pytest.mark.parametrize("way", WRITES)
def test_single_units_of_written_maps_read_what_has_a_gradient(way: str) -> None:
    assert_every_region(Between("rewritten", way=way), SHAPE)


def test_a_map_that_is_written_before_the_first_layer_has_a_field_at_features() -> None:
    class Batched(nn.Module):
        """Images of several sizes in one batch, as detectors put them together."""

        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(3, 4, kernel_size=3)
            self.last = nn.Conv2d(4, 4, kernel_size=3)

        def forward(self, x: Tensor) -> Tensor:
            room = x.new_full((len(x), 3, 16, 16), 0)
            for image, place in zip(x, (room[at] for at in range(len(x))), strict=True):
                place[:, : image.shape[1], : image.shape[2]].copy_(image)
            y: Tensor = self.last(self.first(room)).mean((2, 3))
            return y

    field = archcheck.receptive_field(archcheck.trace(Batched(), (3, 16, 16))).at("features")
    assert (field.shape, field.size) == ((12, 12), (5, 5))


def test_what_is_left_of_an_axis_in_two_parts_counts_units() -> None:
    class Halves(nn.Module):
        """One half of every row on the other."""

        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv1d(2, 2, kernel_size=3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.conv(x).view(1, 2, 2, 6).sum(2)
            return y

    field = assert_every_unit(Halves(), (2, 12))
    assert (field.shape, field.size) == ((6,), (9,))
    assert field.unit(3).actual.axes[0].members() == (2, 3, 4, 8, 9, 10)


def test_an_image_read_as_one_line_of_pixels_is_an_image_again() -> None:
    class Raster(nn.Module):
        """One-dimensional windows, the second dilated by the width."""

        def __init__(self) -> None:
            super().__init__()
            self.across = nn.Conv1d(1, 4, kernel_size=3, padding=1)
            self.down = nn.Conv1d(4, 2, kernel_size=3, padding=8, dilation=8)

        def forward(self, x: Tensor) -> Tensor:
            samples, _, height, width = x.shape
            y: Tensor = self.down(self.across(x.flatten(2)).relu())
            return y.view(samples, 2, height, width)

    field = assert_every_unit(Raster(), (1, 8, 8))
    assert field.shape == (8, 8)
    unit = field.unit((3, 4)).theoretical
    assert (unit.size, unit.count) == ((3, 3), 9)
    assert_every_region(Raster(), (1, 8, 8))


@pytest.mark.parametrize(
    ("shape", "strides", "start", "sides", "size"),
    [
        ((1, 4, 4, 4), (256, 64, 16, 2), 0, (4, 4), (3, 3)),
        ((1, 4, 8, 8), (256, 64, 8, 1), 0, (8, 8), (3, 3)),
        ((1, 4, 6, 6, 3), (256, 64, 8, 1, 1), 0, (6, 6), (3, 5)),
        ((1, 4, 3, 8), (256, 64, 9, 1), 8, (3, 8), None),
    ],
)
def test_views_by_strides_read_where_they_say(
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    start: int,
    sides: tuple[int, ...],
    size: tuple[int, ...] | None,
) -> None:
    class Strided(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(3, 4, kernel_size=3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            view: Tensor = self.first(x).as_strided(shape, strides, start)
            return view if view.ndim == 4 else view.mean(4)

    field = assert_every_unit(Strided(), (3, 8, 8))
    assert field.shape == sides
    assert size is None or field.size == size


def test_memory_outside_of_the_tensor_is_not_known() -> None:
    class Outside(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x[:, :, 4:].as_strided((1, 3, 8, 8), (192, 64, 8, 1), 0)

    rf = archcheck.receptive_field(archcheck.trace(Outside(), (3, 8, 8)))
    with pytest.raises(archcheck.UnknownField, match="memory outside of the tensor"):
        rf.at("output")


def test_scatter_of_whole_rows_keeps_rows_and_columns() -> None:
    class Scattered(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(3, 4, kernel_size=3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            y = self.first(x).flatten(2)
            index = torch.arange(y.shape[2]).expand_as(y)
            return torch.zeros_like(y).scatter(2, index, y).view(1, 4, 8, 8)

    assert assert_every_unit(Scattered(), (3, 8, 8)).shape == (8, 8)


JOINED: dict[str, Callable[[Tensor], Tensor]] = {
    "softmax": lambda rows: rows.softmax(1),
    "linear": lambda rows: F.linear(rows.mT, torch.ones(63, 63).to(rows)).mT,
    "matrix": lambda rows: torch.ones(63, 63).to(rows) @ rows,
    "einsum": lambda rows: torch.einsum("nm,bmc->bnc", torch.ones(63, 63).to(rows), rows),
    "attention": lambda rows: (rows @ rows.mT).softmax(-1) @ rows,
}


@pytest.mark.parametrize("way", JOINED)
def test_tokens_that_were_joined_are_folded_back_to_a_map(way: str) -> None:
    class Joined(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(3, 4, kernel_size=3, padding=1)
            self.last = nn.Conv2d(4, 2, kernel_size=3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            x = self.first(x)
            rows = JOINED[way](x.flatten(2).transpose(1, 2))
            y: Tensor = self.last(rows.transpose(1, 2).reshape(x.shape))
            return y

    field = assert_every_unit(Joined(), SHAPE)
    assert field.shape == (7, 9)
    assert field.is_global


class Skewed(nn.Module):
    """Every row one further to the right than the row above it, a layer over columns, and back."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, kernel_size=3, padding=1)
        self.over_columns = nn.Conv2d(4, 4, kernel_size=(2, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        height, width = x.shape[2:]
        skewed = x.new_zeros(*x.shape[:3], height + width - 1)
        for row in range(height):
            skewed[:, :, row, row : row + width] = x[:, :, row]
        skewed = self.over_columns(F.pad(skewed, (0, 0, 1, 0)))
        straight = torch.empty_like(x)
        for row in range(height):
            straight[:, :, row] = skewed[:, :, row, row : row + width]
        return straight


def test_rows_that_are_skewed_and_straightened_stay_rows() -> None:
    field = assert_every_unit(Skewed(), SHAPE)
    assert (field.shape, field.size) == ((7, 9), (4, 4))


class Skew(Skewed):
    """The rows stay where they were moved to."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        skewed = x.new_zeros(*x.shape[:3], 15)
        for row in range(7):
            skewed[:, :, row, row : row + 9] = x[:, :, row]
        return skewed


def test_rows_that_were_written_one_beside_the_other_leave_places_that_read_nothing() -> None:
    field = assert_every_unit(Skew(), SHAPE)
    assert (field.shape, field.size) == ((7, 15), (3, 3))


@pytest.mark.parametrize("backwards", [False, True])
def test_states_of_a_recurrence_by_hand_are_units_of_time(backwards: bool) -> None:
    class Recurrence(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.GRUCell(4, 5)

        def forward(self, x: Tensor) -> Tensor:
            state = x.new_zeros(x.shape[0], 5)
            states = []
            for step in reversed(range(6)) if backwards else range(6):
                state = self.cell(x[:, :, step], state)
                states.append(state)
            return torch.stack(states[::-1] if backwards else states, dim=2)

    field = assert_every_unit(Recurrence(), (4, 6))
    assert (field.shape, field.size, field.smallest) == ((6,), (6,), (1,))


def test_a_square_map_beside_its_transpose_is_not_taken_for_it() -> None:
    class Scans(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            scans = torch.stack([x.flatten(2), x.transpose(2, 3).flatten(2)], dim=1)
            scans = scans.reshape(*scans.shape[:3], *x.shape[2:])
            y: Tensor = scans[:, 0] + scans[:, 1].transpose(2, 3)
            return y

    field = assert_every_unit(Scans(), (1, 6, 6))
    assert field.actual((0, 3)) == ((0, 0), (3, 3))


def test_a_map_and_its_transpose_as_two_samples_go_on_beyond_their_borders() -> None:
    class Turned(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wide = nn.Conv2d(3, 3, kernel_size=(1, 17), padding=(0, 8))

        def forward(self, x: Tensor) -> Tensor:
            straight, turned = self.wide(torch.cat([x, x.transpose(2, 3)])).chunk(2)
            y: Tensor = straight + turned.transpose(2, 3)
            return y

    field = assert_every_unit(Turned(), (3, 8, 8))
    assert (field.size, field.smallest) == ((17, 17), (17, 17))
    assert field.unit((0, 0)).theoretical.hull == ((-8, 8), (-8, 8))


TOKEN = torch.arange(63)
NEIGHBOURS = torch.stack([TOKEN, (TOKEN + 1).clamp(max=62), (TOKEN - 9).clamp(min=0)], 1)
PICKED: dict[str, Callable[[Tensor], Tensor]] = {
    "for each token": lambda rows: rows[:, :, NEIGHBOURS].mean(3),
    "in turn": lambda rows: rows[:, :, NEIGHBOURS.T].sum(2),
    "in a row": lambda rows: rows.index_select(2, NEIGHBOURS.ravel()).view(1, 4, 63, 3).sum(3),
}


@pytest.mark.parametrize("way", PICKED)
def test_neighbours_that_are_picked_for_every_token_leave_a_map(way: str) -> None:
    class Graph(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(3, 4, kernel_size=3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            x = self.first(x)
            return PICKED[way](x.flatten(2)).reshape(x.shape)

    field = assert_every_unit(Graph(), SHAPE)
    assert (field.shape, field.size) == ((7, 9), (5, 11))


class Merged(nn.Module):
    """Patches of two by two as channels, mixed; attention over them all, in heads."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 3, padding=1)
        self.merge, self.qkv, self.last = nn.Linear(12, 12), nn.Linear(12, 36), nn.Linear(12, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x).permute(0, 2, 3, 1)
        b, h, w, c = x.shape
        x = x.reshape(b, h // 2, 2, w // 2, 2, c).permute(0, 1, 3, 4, 2, 5).flatten(3)
        x = self.merge(x)
        tokens = self.qkv(x).reshape(b, h * w // 4, 3, 4, 3)
        q, k, v = tokens.permute(2, 0, 3, 1, 4).unbind(0)
        seen = (q @ k.transpose(-2, -1)).softmax(-1) @ v
        y: Tensor = self.last((x + seen.transpose(1, 2).reshape(x.shape)).mean((1, 2)))
        return y


def test_channels_that_were_patches_stay_channels_behind_linear_layers() -> None:
    field = archcheck.receptive_field(archcheck.trace(Merged(), (2, 8, 12))).at("features")
    assert (field.shape, field.size) == ((4, 6), (10, 14))


STRIPS: dict[str, Callable[[Tensor], Tensor]] = {
    "slices": lambda x: torch.stack([x[:, :, 2 * i : 2 * i + 2].mean(2) for i in range(4)], 2),
    "splits": lambda x: torch.stack([part.sum(2) for part in torch.split(x, 2, 2)], 2),
    "concatenated": lambda x: torch.cat([part.mean(2, keepdim=True) for part in x.chunk(4, 2)], 2),
}


JOINED_LATER: dict[str, Callable[[Tensor], Tensor]] = {
    "chunks": lambda x: torch.stack(x.chunk(4, 2), 2).mean(3),
    "in front of the channels": lambda x: torch.stack(x.chunk(4, 2), 1).sum(3).transpose(1, 2),
    "backwards": lambda x: torch.stack(x.chunk(4, 2)[::-1], 2).mean(3),
    "columns": lambda x: torch.stack(x.chunk(3, 3), -1).mean(3),
    "uneven": lambda x: torch.stack([x[:, :, at : at + 2] for at in (0, 2, 6)], 2).mean(3),
    "concatenated": lambda x: torch.cat([p.unsqueeze(2) for p in x.chunk(4, 2)], 2).mean(3),
}


@pytest.mark.parametrize("way", JOINED_LATER)
def test_strips_that_are_put_in_a_row_and_averaged_are_an_axis(way: str) -> None:
    net = Fn(lambda s, x: JOINED_LATER[way](s.conv(x)), conv=nn.Conv2d(3, 2, 3, padding=1))
    field = assert_every_unit(net, (3, 8, 9))
    wide = way == "columns"
    sides = {"columns": (8, 3), "uneven": (3, 9)}.get(way, (4, 9))
    assert (field.shape, field.size) == (sides, (3, 5) if wide else (4, 3))


def test_shifted_copies_that_are_put_in_a_row_are_no_axis() -> None:
    net = Fn(lambda _, x: torch.stack([x[:, :, at : at + 6] for at in range(3)], 2).mean(2))
    field = assert_every_unit(net, (3, 8, 9))
    assert (field.shape, field.size) == ((6, 9), (3, 1))


@pytest.mark.parametrize("way", STRIPS)
def test_strips_that_are_averaged_and_put_in_a_row_are_an_axis(way: str) -> None:
    class Strips(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 2, kernel_size=3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            return STRIPS[way](self.conv(x))

    field = assert_every_unit(Strips(), (3, 8, 9))
    assert (field.shape, field.size) == ((4, 9), (4, 3))


def test_averages_of_whole_maps_that_are_stacked_are_no_axis() -> None:
    class Pools(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, kernel_size=3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            y = self.conv(x)
            return torch.stack([x.mean(2), y.mean(2), self.conv(y).mean(2)], 2)

    field = archcheck.receptive_field(archcheck.trace(Pools(), (3, 8, 9))).at("output")
    assert field.shape == (9,)


def test_halves_of_the_channels_are_no_strips() -> None:
    class Halves(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv1d(2, 2, 1, stride=2)
            self.conv = nn.Conv1d(1, 1, 3, padding=3, dilation=3)

        def forward(self, x: Tensor) -> Tensor:
            left, right = self.stem(x).chunk(2, 1)
            return torch.cat([left, self.conv(right)], 1)

    field = archcheck.receptive_field(archcheck.trace(Halves(), (2, 40))).at("output")
    assert (field.size, field.shape) == ((13,), (20,))
