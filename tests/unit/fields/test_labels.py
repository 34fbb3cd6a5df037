"""Which dimensions count positions of space, behind reshapes, writes, windows and joins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import archcheck
from tests.support.dag_rows import TOKENS, WRITES
from tests.support.dags import Dag, Node
from tests.support.exactness import assert_every_unit, field_of
from tests.support.modules import Fn

Chain = tuple[tuple[str, dict[str, Any]], ...]


def chain(steps: Chain, dims: int) -> Dag:
    """Steps of random graphs, each of which reads the one before."""
    nodes = [Node(step, (number,), options) for number, (step, options) in enumerate(steps)]
    return Dag(dims, nodes).eval()


GROUPED = ("space_to_depth", {"parts": (1, 2), "way": "inner", "groups": 4})
RING = ("around", {"by": 2, "dim": 3, "way": "select"})
UNIT_BY_UNIT = ("rewritten", {"way": "by_position"})
ONE_ROW = ("adaptive_pool", {"size": [1, 4], "kind": "avg"})
MASKED = {
    "kernel_size": (4, 1), "stride": (1, 1), "padding": (3, 0), "dilation": (1, 1), "groups": 1,
    "padding_mode": "zeros", "kind": "Conv", "is_open": [True, False, False, False], "each": "tap",
}  # fmt: skip
CHAINS: dict[str, tuple[Chain, tuple[int, ...]]] = {
    "offsets in groups of channels beside a pool": (
        (GROUPED, ("gate", {"dims": [2], "way": "sum"})),
        (4, 4, 6),
    ),
    "layers in cells of one row": (
        (("cells", {"parts": (1, 2), "by_turn": False, "mode": "zeros"}),),
        (4, 3, 6),
    ),
    "a ring written unit by unit": ((RING, UNIT_BY_UNIT), (4, 3, 4)),
    "a ring as a stack of tokens": (
        (("around", {"by": -1, "dim": 2, "way": "select"}), ("tokens", {"road": "stacked"})),
        (4, 5, 5),
    ),
    "one unit several times over": (
        (
            ("sliding", {"dim": 2, "size": 5, "step": 1}),
            ("repeated", {"times": 3, "dim": 2, "way": "repeat"}),
            ("pad", {"amounts": [2, 0], "mode": "constant"}),
        ),
        (4, 5),
    ),
    "a repeated axis as a stack of tokens": (
        (("repeated", {"times": 3, "dim": 2, "way": "tile"}), ("tokens", {"road": "stacked"})),
        (4, 2),
    ),
    "a cropped pixel shuffle as tokens": (
        (
            ("pixel_shuffles", {"factor": 2, "first": "up"}),
            ("tokens", {"road": "rolled_and_back"}),
        ),
        (4, 3, 4),
    ),
    "tokens slid across rows, then rows in a stack": (
        (("tokens", {"road": "slid"}), ("rewritten", {"way": "rows_stacked"})),
        (4, 2, 2, 2),
    ),
    "joined positions among their channels, behind a few zeros": (
        (
            ("along", {"dim": 2, "way": "cumsum", "side": 6}),
            ("tokens", {"road": "in_channels"}),
        ),
        (4, 6),
    ),
    "offsets among their channels, behind a few zeros": (
        (("depth_to_space", {"parts": (3,)}), ("tokens", {"road": "in_channels"})),
        (4, 6),
    ),
    "units written one by one, in the channels of one sample": (
        (UNIT_BY_UNIT, ("tokens", {"road": "in_channels"})),
        (4, 2, 3),
    ),
}


@pytest.mark.parametrize("name", CHAINS)
def test_axes_stay_axes(name: str) -> None:
    steps, shape = CHAINS[name]
    model = chain(steps, len(shape) - 1)
    with torch.no_grad():
        sides = model(torch.rand(1, *shape)).shape[2:]
    assert assert_every_unit(model, shape).shape == sides


def test_units_that_differ_by_padding_alone_are_units() -> None:
    # One joined row, and a kernel of which one tap is left: all rows but one read nothing.
    model = chain((ONE_ROW, ("masked", MASKED)), 2)
    assert assert_every_unit(model, (4, 3, 4)).shape == (4, 4)


@pytest.mark.parametrize("way", ["cat", "some", "add"])
@pytest.mark.parametrize("reads", [(1, 0), (0, 1)])
@pytest.mark.parametrize("sides", [(3, 3), (2, 2), (2, 2, 2)])
def test_rows_beside_columns_are_both_axes_where_units_are_written_one_by_one(
    way: str, reads: tuple[int, int], sides: tuple[int, ...]
) -> None:
    # Along either axis the sets move equally far: a tie leaves out none.
    added = Node("two", reads, {"way": way, "fit": "cut"})
    nodes = [Node("swap", (0,), {}), added, Node("rewritten", (2,), UNIT_BY_UNIT[1])]
    assert assert_every_unit(Dag(len(sides), nodes).eval(), (4, *sides)).shape == sides


def test_a_map_that_meets_another_keeps_its_axes_where_it_is_overwritten() -> None:
    # The rows of one were joined before a transposed convolution made new ones.
    wide = {"kernel_size": (4, 3), "stride": (1, 1), "padding": (0, 1), "output_padding": (0, 0)}
    write = Node("two", (2, 0), {"way": "write", "fit": "cut"})
    pool = Node("adaptive_pool", (0,), {"size": [1, 3], "kind": "avg"})
    model = Dag(2, [pool, Node("transposed", (1,), wide | {"groups": 1}), write]).eval()
    assert assert_every_unit(model, (4, 3, 3)).shape == (3, 3)


def test_channels_that_are_written_one_by_one_are_no_positions() -> None:
    # Two channels of one crop and two of another, with a single unit on every axis.
    crop = Node("slices", (0,), {"cuts": [(1, -1, 2), (1, None, 1), (1, -1, 3)]})
    some = Node("two", (0, 1), {"way": "some", "fit": "cut"})
    model = Dag(3, [crop, some, Node("channels", (2,), {"way": "write"})]).eval()
    assert field_of(model, (4, 3, 2, 3)).shape == (1, 1, 1)


@pytest.mark.parametrize("road", ["chunked", "indexed", "in_channels", "padded"])
def test_an_axis_of_one_unit_stays_one_on_the_road_of_its_tokens(road: str) -> None:
    # The window steps over all other units.
    last = {"kernel_size": (1,), "stride": (6,), "padding": (0,), "dilation": (1,)}
    tokens = ("tokens", {"road": road})
    assert assert_every_unit(chain((("conv", last), tokens, tokens), 1), (4, 6)).shape == (1,)


WINDOW = ("conv", {"kernel_size": (3, 3), "stride": (1, 1), "padding": (0, 0), "dilation": (1, 1)})
ONE_UNIT_AN_AXIS = [("tokens", {"road": road}) for road in TOKENS]
ONE_UNIT_AN_AXIS += [("rewritten", {"way": way}) for way in WRITES]


@pytest.mark.parametrize("sides", [(3, 3), (3, 5), (5, 3)])
@pytest.mark.parametrize("step", ONE_UNIT_AN_AXIS, ids=lambda step: "-".join(step[1].values()))
def test_axes_of_one_unit_are_axes_where_units_were_put_together(
    step: tuple[str, dict[str, Any]], sides: tuple[int, int]
) -> None:
    field = assert_every_unit(chain((WINDOW, step), 2), (4, *sides))
    assert field.shape == tuple(side - 2 for side in sides)
    assert field.size == (3, 3)
    assert field.unit((0, 0)).actual.hull == ((0, 2), (0, 2))


def test_what_was_joined_is_no_axis_of_one_unit() -> None:
    steps: Chain = (
        WINDOW,
        ("gate", {"dims": [2, 3], "way": "sum"}),
        ("tokens", {"road": "stacked"}),
    )
    field = assert_every_unit(chain(steps, 2), (4, 5, 3))
    assert field.shape == (3, 1)
    pooled = nn.Sequential(nn.Conv2d(4, 4, 3), nn.AdaptiveAvgPool2d(1))
    assert field_of(pooled, (4, 5, 3)).shape == ()


def test_channels_along_which_windows_ran_are_no_axis() -> None:
    class Depth(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wide, self.near = nn.Conv2d(2, 2, 3, padding=1), nn.Conv2d(2, 2, 1)
            self.last = nn.Conv3d(1, 1, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            both = torch.cat([self.wide(x), self.near(x)], 1)
            y: Tensor = self.last(both.unsqueeze(1))
            return y.squeeze(1)

    field = assert_every_unit(Depth(), (2, 5, 6))
    assert (field.shape, field.size, field.jump) == ((5, 6), (5, 5), (1, 1))


def test_a_view_by_the_strides_of_the_tensor_is_the_tensor() -> None:
    class Strided(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            y = x[:, :, 1:2].contiguous()
            return y.as_strided(y.shape, y.stride())

    assert assert_every_unit(Strided(), (2, 3, 4)).shape == (1, 4)


def test_dimensions_of_length_one_keep_their_axes_behind_a_grid_of_windows() -> None:
    grid = {"parts": (2, 1, 1), "way": "mean", "shift": 0, "grid": True}
    crop = ("slices", {"cuts": [(None, -1, 1), (1, -1, 2), (2, None, 1)]})
    steps: Chain = (
        crop,
        ("windows", grid),
        ("pad", {"amounts": [0, 0, 1, 0, 0, 0], "mode": "replicate"}),
    )
    assert assert_every_unit(chain(steps, 3), (4, 3, 3, 3)).shape == (2, 2, 1)


GROWN: dict[str, Callable[[Any, Tensor], Tensor]] = {
    "resized": lambda _, x: F.interpolate(F.adaptive_avg_pool2d(x, 1), size=x.shape[2:]),
    "resized smoothly": lambda _, x: nn.Upsample((6, 8), mode="bilinear")(x.mean((2, 3), True)),
    "expanded": lambda _, x: x.mean((2, 3), keepdim=True).expand_as(x),
    "one axis expanded": lambda _, x: x.mean(3, keepdim=True).expand(-1, -1, -1, 8),
    "repeated": lambda _, x: x.amax((2, 3), keepdim=True).repeat(1, 1, 6, 8),
    "interleaved": lambda _, x: x.mean(2, keepdim=True).repeat_interleave(6, 2),
    "convolved": lambda s, x: s.up(F.adaptive_avg_pool2d(x, 1)),
}


@pytest.mark.parametrize("behind", ["a convolution", "nothing"])
@pytest.mark.parametrize("way", GROWN)
def test_an_axis_that_was_joined_and_grows_again_is_an_axis(way: str, behind: str) -> None:
    def forward(s: Any, x: Tensor) -> Tensor:
        grown = GROWN[way](s, s.first(x))
        last: Tensor = s.last(grown) if behind == "a convolution" else grown
        return last

    net = Fn(
        forward,
        first=nn.Conv2d(2, 2, 3, padding=1),
        last=nn.Conv2d(2, 2, 3, padding=1),
        up=nn.ConvTranspose2d(2, 2, (6, 8)),
    )
    field = archcheck.receptive_field(archcheck.trace(net, (2, 6, 8))).at("output")
    assert field.shape == (6, 8)
    assert field.unit((3, 4)).actual.size[1] == (8 if way != "interleaved" else field.size[1])


def test_channels_that_are_convolved_are_no_positions() -> None:
    net = Fn(
        lambda s, x: s.mix(x.mean((2, 3))[:, None]),
        mix=nn.Conv1d(1, 1, 3, padding=1),
    )
    field = archcheck.receptive_field(archcheck.trace(net, (4, 6, 8))).at("output")
    assert field.shape == ()
