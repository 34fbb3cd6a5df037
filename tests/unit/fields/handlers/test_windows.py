"""Windows, pools, pads and resampling in one to three dimensions, against gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import archcheck
from archcheck.fields.algebra import table
from tests.support.exactness import assert_every_unit, assert_theoretical
from tests.support.modules import SHAPES, Applied

pytestmark = [
    pytest.mark.filterwarnings("ignore:Using padding='same'"),
    pytest.mark.filterwarnings("ignore:dropout2d"),
]
MODES = ("zeros", "reflect", "replicate", "circular")
Build = Callable[[int], nn.Module]


def layer(name: str, *args: Any, **options: Any) -> Build:
    """A layer of torch.nn of the rank that is asked for."""

    def build(dims: int) -> nn.Module:
        module: nn.Module = getattr(nn, f"{name}{dims}d")(*args, **options)
        return module

    return build


class Function(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(x)


def function(name: str, *args: Any, **options: Any) -> Build:
    """A function of torch.nn.functional of the rank that is asked for."""

    def build(dims: int) -> nn.Module:
        called = getattr(F, f"{name}{dims}d")
        return Function(lambda x: called(x, *args, **options))

    return build


def weighed(name: str, *shape: int, **options: Any) -> Build:
    """A convolution called as a function, its kernel 3 along every axis."""

    def build(dims: int) -> nn.Module:
        called = getattr(torch, f"{name}{dims}d")
        return Function(lambda x: called(x, x.new_ones(*shape, *[3] * dims), **options))

    return build


class Unpooled(nn.Module):
    """A max pool and the unpooling that puts its maxima back."""

    def __init__(self, dims: int) -> None:
        super().__init__()
        self.pool = getattr(nn, f"MaxPool{dims}d")(2, return_indices=True)
        self.unpool = getattr(nn, f"MaxUnpool{dims}d")(2)

    def forward(self, x: Tensor) -> Tensor:
        y, indices = self.pool(x)
        unpooled: Tensor = self.unpool(y, indices)
        return unpooled


WINDOWS: dict[str, Build] = {
    **{f"Conv, {mode}": layer("Conv", 4, 2, 3, padding=1, padding_mode=mode) for mode in MODES},
    **{
        f"Conv, same, {mode}": layer("Conv", 4, 2, 4, padding="same", padding_mode=mode)
        for mode in MODES
    },
    "Conv, valid": layer("Conv", 4, 2, 3, padding="valid"),
    "Conv, strided": layer("Conv", 4, 2, 3, stride=2, padding=2, dilation=2),
    "Conv, groups": layer("Conv", 4, 8, 3, groups=4),
    "conv": weighed("conv", 2, 4, stride=2, padding=1),
    "conv, in groups": weighed("conv", 4, 1, padding="same", groups=4),
    "ConvTranspose": layer("ConvTranspose", 4, 2, 3, stride=2),
    "ConvTranspose, padded": layer(
        "ConvTranspose", 4, 4, 4, stride=3, padding=1, output_padding=2, dilation=2, groups=2
    ),
    "conv_transpose": weighed("conv_transpose", 4, 2, stride=2, padding=1, output_padding=1),
    "MaxPool": layer("MaxPool", 2),
    "MaxPool, ceil": layer("MaxPool", 3, stride=2, padding=1, ceil_mode=True),
    "MaxPool, dilated": layer("MaxPool", 2, stride=1, dilation=2),
    "max_pool": function("max_pool", 3, 2, 1),
    "AvgPool": layer("AvgPool", 3, stride=2, padding=1, ceil_mode=True, count_include_pad=False),
    "avg_pool": function("avg_pool", 2),
    "LPPool": layer("LPPool", 2, 3, stride=2),
    "AdaptiveAvgPool": layer("AdaptiveAvgPool", 3),
    "AdaptiveAvgPool, one": layer("AdaptiveAvgPool", 1),
    "AdaptiveMaxPool": layer("AdaptiveMaxPool", 3),
    "adaptive_max_pool": function("adaptive_max_pool", 5),
    "ReflectionPad": layer("ReflectionPad", 2),
    "ReplicationPad": layer("ReplicationPad", 3),
    "CircularPad": layer("CircularPad", 2),
    "ZeroPad": layer("ZeroPad", 2),
    "ConstantPad": layer("ConstantPad", 1, 3.0),
    "BatchNorm": layer("BatchNorm", 4),
    "InstanceNorm": layer("InstanceNorm", 4, affine=True),
    "Dropout": layer("Dropout", 0.3),
    "Flatten and Unflatten": lambda dims: nn.Sequential(
        nn.Flatten(2), nn.Unflatten(2, SHAPES[dims][1:])
    ),
    "ChannelShuffle": lambda dims: nn.ChannelShuffle(2) if dims == 2 else nn.Identity(),
    "LocalResponseNorm": lambda dims: nn.LocalResponseNorm(2),
    "GroupNorm": lambda dims: nn.GroupNorm(2, 4),
    "SyncBatchNorm": lambda dims: nn.SyncBatchNorm(4),
    "Softmin": lambda dims: nn.Softmax(dim=1),
    "max unpooled": Unpooled,
}


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("name", [name for name in WINDOWS if name != "max unpooled"])
def test_a_window_is_exact(name: str, dims: int) -> None:
    model = nn.Sequential(Applied(dims, lambda x: x), WINDOWS[name](dims))
    assert_every_unit(model, SHAPES[dims], most=60, labelled=not name.endswith("one"))


FLAT: dict[str, Callable[[Tensor], Any]] = {
    "pixel_shuffle": lambda x: F.pixel_shuffle(x, 2),
    "pixel_unshuffle": lambda x: F.pixel_unshuffle(x, 2),
    "channel_shuffle": lambda x: F.channel_shuffle(x, 2),
    "unfold": lambda x: F.unfold(x, 3, padding=1, stride=2),
    "fold": lambda x: F.fold(F.unfold(x, (2, 3), padding=1), x.shape[-2:], (2, 3), padding=1),
    "patches": lambda x: x.unfold(2, 2, 2).unfold(3, 3, 1).flatten(4).sum(-1),
    "rot90": lambda x: torch.rot90(x, 1, (2, 3)) + torch.rot90(x, -3, [2, 3]),
    "rot90 twice": lambda x: x.rot90(2, [-2, -1]),
    "softmax2d": lambda x: nn.Softmax2d()(x),
    "fold to depth": lambda x: torch.cat([x[..., i::2, j::2] for i in (0, 1) for j in (0, 1)], 1),
    "axial rows": lambda x: (lambda r: F.scaled_dot_product_attention(r, r, r))(
        x.permute(0, 2, 3, 1)
    ).permute(0, 3, 1, 2),
    "grid windows": lambda x: x.view(1, 4, 2, 4, 2, 3).softmax(2).flatten(4, 5).flatten(2, 3),
    "baddbmm": lambda x: torch.baddbmm(x[0], x[0], torch.ones(4, 6, 6).double())[None],
    "addmm": lambda x: torch.addmm(x[0, 0], x[0, 1], torch.ones(6, 6).double())[None, None],
    "global average": lambda x: F.avg_pool2d(x, x.shape[2:]),
    "sequential pools": lambda x: x.mean(3).mean(2)[..., None, None] + x,
}


@pytest.mark.parametrize("name", FLAT)
def test_an_operation_on_images_is_exact(name: str) -> None:
    labelled = name not in ("unfold",)
    assert_every_unit(Applied(2, FLAT[name]), SHAPES[2], labelled=labelled)


def test_the_size_of_a_transposed_convolution_s_output_is_followed() -> None:
    class Sized(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.ConvTranspose2d(2, 4, 3, stride=2, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.conv(x, output_size=(16, 11))
            return y

    assert_every_unit(Sized(), SHAPES[2])


# -- resampling -------------------------------------------------------------------------------


RESAMPLED: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    f"{mode}, {scale}, {corners}": (
        dims,
        {"mode": mode, "scale_factor": scale, "align_corners": corners},
    )
    for mode, dims in (("linear", (1,)), ("bilinear", (2,)), ("trilinear", (3,)))
    for scale in (2, 0.5, 1.5, 3)
    for corners in (True, False)
}
RESAMPLED |= {
    f"{mode}, {scale}": ((1, 2, 3), {"mode": mode, "scale_factor": scale})
    for mode in ("nearest", "nearest-exact", "area")
    for scale in (2, 0.5, 1.5, 0.75, 3)
}
RESAMPLED |= {
    f"bicubic, {corners}": (
        (2,),
        {"mode": "bicubic", "size": (13, 9), "align_corners": corners},
    )
    for corners in (True, False)
}
RESAMPLED |= {
    f"{mode} to a size": ((2,), {"mode": mode, "size": (5, 11)})
    for mode in ("nearest", "nearest-exact", "area", "bilinear", "bicubic")
}
RESAMPLED |= {
    f"{mode} antialiased, {size}, {corners}": (
        (2,),
        {"mode": mode, "size": size, "antialias": True, "align_corners": corners},
    )
    for mode in ("bilinear", "bicubic")
    for size in ((3, 5), (5, 7), (11, 5))
    for corners in (False, True)
}
RESAMPLED |= {
    "recomputed": (
        (2,),
        {"mode": "bilinear", "scale_factor": 1.6, "recompute_scale_factor": True},
    ),
    "kept": ((2,), {"mode": "bilinear", "scale_factor": 1.6}),
    "two factors": ((2,), {"mode": "nearest", "scale_factor": (2.0, 1.5)}),
}


@pytest.mark.parametrize("name", RESAMPLED)
def test_resampling_is_exact(name: str) -> None:
    ranks, options = RESAMPLED[name]
    for dims in ranks:
        model = Applied(dims, lambda x: F.interpolate(x, **options))
        assert_every_unit(model, SHAPES[dims], most=60)


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])
def test_nearest_resampling_between_all_sizes(mode: str) -> None:
    from archcheck.fields.handlers.windows import resampling

    for size in range(1, 40):
        for output in range(1, 60):
            line = torch.arange(size, dtype=torch.double)[None, None]
            real = F.interpolate(line, size=output, mode=mode)[0, 0].long().tolist()
            read = resampling(mode, size, output, None)
            assert [read.reads_within(o, size) for o in range(output)] == [[i] for i in real]


@pytest.mark.parametrize("mode", ["nearest", "linear", "bilinear", "bicubic"])
def test_upsampling_modules(mode: str) -> None:
    dims = 1 if mode == "linear" else 2
    model = nn.Sequential(nn.Conv1d(2, 2, 3) if dims == 1 else nn.Conv2d(2, 2, 3))
    model.append(nn.Upsample(scale_factor=2, mode=mode))
    assert_every_unit(model, SHAPES[dims])
    if mode != "bicubic":
        assert_theoretical(model, SHAPES[dims], phases=2)


def test_upsampling_by_name() -> None:
    for upsample in (nn.UpsamplingNearest2d(scale_factor=2), nn.UpsamplingBilinear2d((9, 9))):
        assert_every_unit(nn.Sequential(nn.Conv2d(2, 2, 3), upsample), SHAPES[2])


# -- recurrent layers -------------------------------------------------------------------------


class Recurrent(nn.Module):
    """A recurrent layer along the only axis."""

    def __init__(self, kind: str, batch_first: bool, **options: Any) -> None:
        super().__init__()
        self.stem = nn.Conv1d(2, 4, 3, padding=1)
        self.first = batch_first
        self.rnn = getattr(nn, kind)(4, 3, batch_first=batch_first, **options)

    def forward(self, x: Tensor) -> Tensor:
        order = (0, 2, 1) if self.first else (2, 0, 1)
        y: Tensor = self.rnn(self.stem(x).permute(order))[0]
        return y.permute(0, 2, 1) if self.first else y.permute(1, 2, 0)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize(
    "options",
    [{}, {"bidirectional": True}, {"num_layers": 2}, {"num_layers": 2, "bidirectional": True}],
)
def test_recurrent_layers_are_exact(kind: str, batch_first: bool, options: dict[str, Any]) -> None:
    field = assert_every_unit(Recurrent(kind, batch_first, **options), (2, 7))
    assert field.is_global


class Handed(nn.Module):
    """A recurrent layer over the end of an axis that starts from the states behind its begin."""

    def __init__(self, kind: str, batch_first: bool, **options: Any) -> None:
        super().__init__()
        self.order = (0, 2, 1) if batch_first else (2, 0, 1)
        self.first = getattr(nn, kind)(2, 3, batch_first=batch_first, **options)
        self.second = getattr(nn, kind)(2, 3, batch_first=batch_first, **options)

    def forward(self, x: Tensor) -> Tensor:
        begin, end = (part.permute(self.order) for part in (x[:, :, :3], x[:, :, 4:]))
        y: Tensor = self.second(end, self.first(begin)[1])[0]
        return y.permute(1, 2, 0) if self.order[0] else y.permute(0, 2, 1)


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("options", [{}, {"bidirectional": True}, {"num_layers": 2}])
def test_first_states_are_read_by_every_step(
    kind: str, batch_first: bool, options: dict[str, Any]
) -> None:
    assert_every_unit(Handed(kind, batch_first, **options), (2, 7))


def test_first_states_that_differ_from_layer_to_layer_are_not_followed() -> None:
    class States(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.GRU(2, 2, 2)

        def forward(self, x: Tensor) -> Tensor:
            x = x.permute(2, 0, 1)
            y: Tensor = self.rnn(x[2:], x[:2])[0]
            return y.permute(1, 2, 0)

    (cause,) = archcheck.receptive_field(archcheck.trace(States(), (2, 7))).not_modelled
    assert cause.reason == "a recurrent layer whose first states differ from layer to layer"


@pytest.mark.filterwarnings("ignore:LSTM with projections")
def test_a_projected_lstm_and_its_states() -> None:
    class States(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.LSTM(2, 4, proj_size=3, batch_first=True)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            y, (h, _) = self.rnn(x.transpose(1, 2))
            return y.transpose(1, 2), h

    rf = archcheck.receptive_field(archcheck.trace(States(), (2, 7)))
    assert rf.at("output[0]").size == (7,)
    assert rf.at("output[1]").size == (7,)


def test_fields_that_are_too_many_to_write_out_are_not_known_for_that_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Turned(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.up = nn.ConvTranspose2d(4, 4, 3, 2)

        def forward(self, x: Tensor) -> Tensor:
            # Rows beside columns go on in no closed form.
            result: Tensor = self.up(x + x.transpose(2, 3))
            return result

    network = archcheck.trace(Turned(), (4, 6, 6))
    assert not archcheck.receptive_field(network).not_modelled
    monkeypatch.setattr(table, "MOST_ENTRIES", 100)
    (cause,) = archcheck.receptive_field(network).not_modelled
    assert cause.reason == (
        "torch.nn.functional.conv_transpose2d: "
        "the fields of its units differ too much to be written out one by one"
    )
