"""Grids, unpooling, Fourier transforms, weight norms; and what is not modelled."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations

import archcheck
from tests.support.exactness import assert_every_unit, assert_theoretical, traced
from tests.support.modules import SHAPES, Applied

IMAGE = SHAPES[2]
TURNED = torch.tensor([[[0.83, 0.31, 0.107], [-0.23, 0.71, -0.153]]])


@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("corners", [True, False])
@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
def test_a_constant_grid_reads_what_it_says(mode: str, corners: bool, padding: str) -> None:
    if mode == "bicubic" and padding != "zeros":
        pytest.skip("not known")

    def sample(x: Tensor) -> Tensor:
        grid = F.affine_grid(torch.tensor(TURNED.tolist()), [1, 4, 5, 7], align_corners=corners)
        return F.grid_sample(x, grid.to(x), mode, padding, align_corners=corners)

    assert_every_unit(Applied(2, sample), IMAGE)


def test_the_identity_s_grid_reads_one_position() -> None:
    def sample(x: Tensor) -> Tensor:
        grid = F.affine_grid(torch.eye(2, 3)[None], list(x.shape), align_corners=False)
        return F.grid_sample(x, grid.to(x), align_corners=False)

    _, field = traced(Applied(2, sample).double(), IMAGE)
    assert field.size == (3, 3)
    assert field.actual((0, 5)) == ((0, 1), (4, 5))


def test_a_grid_of_volumes() -> None:
    def sample(x: Tensor) -> Tensor:
        theta = torch.tensor(
            [[[0.61, 0.13, 0.02, 0.107], [0.03, 0.71, 0.19, 0.01], [0.11, 0.07, 0.53, -0.09]]]
        )
        return F.grid_sample(
            x, F.affine_grid(theta, [1, 4, 3, 3, 3], False).to(x), align_corners=False
        )

    assert_every_unit(Applied(3, sample), SHAPES[3])


class Transformer(nn.Module):
    """A spatial transformer: the input decides where it is looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.pose = nn.Conv2d(2, 4, 3, padding=1), nn.Linear(4 * 48, 6)

    def forward(self, x: Tensor) -> Tensor:
        y = self.stem(x)
        theta = self.pose(y.flatten(1)).view(-1, 2, 3)
        return F.grid_sample(y, F.affine_grid(theta, list(y.shape), False), align_corners=False)


class Flow(nn.Module):
    """Positions moved by what a convolution says."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        axes = [torch.linspace(-1, 1, side) for side in x.shape[2:]]
        grid = torch.stack(torch.meshgrid(*axes, indexing="xy"), -1).to(x)
        flow = self.stem(x).permute(0, 2, 3, 1)
        return F.grid_sample(x, grid.transpose(0, 1)[:8, :6] + flow, align_corners=True)


@pytest.mark.parametrize("model", [Transformer(), Flow()])
def test_a_grid_that_the_input_decides_on_may_read_anything(model: nn.Module) -> None:
    _, field = traced(model, IMAGE)
    assert field.is_global
    assert field.actual((0, 0)) == ((0, 7), (0, 5))


# -- unpooling --------------------------------------------------------------------------------


class SegNet(nn.Module):
    """A pool and the unpooling that puts its maxima back."""

    def __init__(self, dims: int, **options: Any) -> None:
        super().__init__()
        conv = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[dims - 1]
        self.stem, self.body = conv(2, 2, 3, padding=1), conv(2, 2, 3, padding=1)
        self.pool = getattr(nn, f"MaxPool{dims}d")(2, return_indices=True, **options)
        self.unpool = getattr(nn, f"MaxUnpool{dims}d")(2, **options)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y, indices = self.pool(x)
        unpooled: Tensor = self.unpool(self.body(y), indices, output_size=x.shape)
        return unpooled


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("options", [{}, {"stride": 1}])
def test_unpooling_is_the_pool_turned_round(dims: int, options: dict[str, Any]) -> None:
    class Stamped(nn.Module):
        """The same with average pools and constant stamps: what the maxima may be."""

        def __init__(self) -> None:
            super().__init__()
            net = SegNet(dims)
            self.stem, self.body = net.stem, net.body
            pool = getattr(nn, f"AvgPool{dims}d")
            self.pool = pool(2, **options)
            stamp = getattr(nn, f"ConvTranspose{dims}d")
            self.stamp = stamp(2, 2, 2, stride=options.get("stride", 2))

        def forward(self, x: Tensor) -> Tensor:
            y = self.pool(self.stem(x))
            stamped: Tensor = self.stamp(self.body(y) + y)
            return stamped

    _, field = traced(SegNet(dims, **options), SHAPES[dims])
    stamped = assert_every_unit(Stamped(), SHAPES[dims], most=30)
    assert field.size == stamped.size
    assert field.shape == stamped.shape
    for unit in itertools.product(*([0, side // 2, side - 1] for side in field.shape)):
        assert field.actual(unit) == stamped.actual(unit)


@pytest.mark.parametrize("dims", [2, 3])
def test_a_fractional_pool_draws_its_windows(dims: int) -> None:
    pool = getattr(nn, f"FractionalMaxPool{dims}d")(2, output_ratio=0.5)
    rf = archcheck.receptive_field(archcheck.trace(Applied(dims, pool), SHAPES[dims]))
    with pytest.raises(archcheck.UnknownField, match="drawn at random"):
        rf.at("output")
    report = archcheck.verify(rf.network, {"rules": {"max-pool": "forbidden"}})
    assert not report.passed


# -- Fourier transforms -----------------------------------------------------------------------


class GlobalFilter(nn.Module):
    """A product in the frequencies (Rao et al. 2021)."""

    def __init__(self, axes: tuple[int, ...]) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 4, 3, padding=1)
        sides = [IMAGE[a - 1] for a in axes]
        sides[-1] = sides[-1] // 2 + 1
        self.weight = nn.Parameter(torch.rand(*sides, 2))
        self.axes = axes

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = torch.fft.rfftn(x, dim=self.axes, norm="ortho")
        y = y * torch.view_as_complex(self.weight.contiguous())
        sides = [x.shape[a] for a in self.axes]
        back: Tensor = torch.fft.irfftn(y, s=sides, dim=self.axes, norm="ortho")
        return back


@pytest.mark.parametrize("axes", [(2, 3), (3,)])
def test_a_filter_of_frequencies_joins_its_axes(axes: tuple[int, ...]) -> None:
    assert_every_unit(GlobalFilter(axes), IMAGE)
    assert archcheck.trace(GlobalFilter(axes), IMAGE).macs is None


@pytest.mark.parametrize(
    "change",
    [
        lambda x: torch.fft.fft2(x).real,
        lambda x: torch.fft.fft(torch.fft.fft(x, dim=1), dim=-1).real,
        lambda x: torch.fft.irfft2(torch.fft.rfft2(x)),
        lambda x: torch.view_as_real(torch.fft.fft(x)).sum(-1),
    ],
)
def test_fourier_transforms_are_exact(change: Callable[[Tensor], Tensor]) -> None:
    _, field = traced(Applied(2, change), IMAGE)
    assert field.actual((3, 3))[1] == (0, 5)


def test_half_turns_are_followed() -> None:
    assert_every_unit(Applied(2, lambda x: torch.fft.fftshift(x, (2, 3))), IMAGE)
    assert_every_unit(Applied(2, lambda x: torch.fft.ifftshift(x[..., 1:], -1)), IMAGE)


# -- weights that are computed ----------------------------------------------------------------


def old_weight_norm(conv: nn.Module) -> nn.Module:
    found: nn.Module = nn.utils.weight_norm(conv)
    return found


@pytest.mark.filterwarnings("ignore:.*weight_norm")
@pytest.mark.parametrize(
    "wrap",
    [
        old_weight_norm,
        nn.utils.spectral_norm,
        parametrizations.weight_norm,
        parametrizations.spectral_norm,
        parametrizations.orthogonal,
    ],
)
def test_normed_weights_change_no_field(wrap: Callable[[nn.Module], nn.Module]) -> None:
    model = nn.Sequential(wrap(nn.Conv2d(2, 4, 3, dilation=2)), nn.ReLU(), nn.Conv2d(4, 2, 1))
    network = archcheck.trace(model, IMAGE)
    field = archcheck.receptive_field(network).at("output")
    assert (field.size, field.jump) == ((5, 5), (1, 1))
    assert network.macs is not None
    assert network.macs - network.constant_macs == (2 * 4 * 9 + 4 * 2) * 4 * 2


class Cells(nn.Module):
    """A recurrent cell stepped by hand along the width."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.cell = getattr(nn, kind)(2, 3)

    def forward(self, x: Tensor) -> Tensor:
        state, found = None, []
        for step in x.unbind(2):
            state = self.cell(step, state)
            found.append(state[0] if isinstance(state, tuple) else state)
        return torch.stack(found, 2)


@pytest.mark.parametrize("kind", ["LSTMCell", "GRUCell", "RNNCell"])
def test_cells_are_exact(kind: str) -> None:
    model = Cells(kind)
    assert_every_unit(model, (2, 6), labelled=False)
    gates = {"LSTMCell": 4, "GRUCell": 3, "RNNCell": 1}[kind]
    assert archcheck.trace(model, (2, 6)).macs == 6 * gates * 3 * (2 + 3)


# -- what is not modelled ---------------------------------------------------------------------


class Own(torch.autograd.Function):
    """A function of one's own."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return torch.from_numpy(x.detach().numpy() * 2)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return grads[0] * 2


def called(function: Any, x: Tensor) -> Tensor:
    found: Tensor = function.apply(x)
    return found


class Seen(Own):
    """A function of one's own that is written in functions of torch."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return F.avg_pool2d(x, 3, 1)


def test_functions_inside_a_function_of_one_s_own_are_followed() -> None:
    assert traced(Applied(2, lambda x: called(Seen, x)), IMAGE)[1].size == (5, 5)


torch.library.define("archcheck_tests::twice", "(Tensor x) -> Tensor")


@torch.library.impl("archcheck_tests::twice", "CPU")
def twice(x: Tensor) -> Tensor:
    return torch.as_tensor(x.numpy() * 2)


def doubled(x: Tensor) -> Tensor:
    return x * 2


with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    scripted = torch.jit.script(doubled)


UNMODELLED: dict[str, Callable[[Tensor], Tensor]] = {
    "a function of one's own": lambda x: called(Own, x),
    "a registered operation": lambda x: torch.ops.archcheck_tests.twice(x),
    "a scripted function": lambda x: scripted(x),
    "a rare function": lambda x: torch.linalg.matrix_exp(x),
    "through numpy": lambda x: torch.from_numpy(x.detach().numpy() * 2),
    "a layer on a function of its own": lambda x: nn.CrossMapLRN2d(2)(x),
}


@pytest.mark.parametrize("name", UNMODELLED)
def test_what_is_not_modelled_is_said_everywhere_behind_it(name: str) -> None:
    model = nn.Sequential(nn.Conv2d(2, 4, 3), Applied(2, UNMODELLED[name], 4), nn.Conv2d(4, 2, 3))
    model[1].stem = nn.Conv2d(4, 4, 3)
    network = archcheck.trace(model, (2, 9, 9))
    rf = archcheck.receptive_field(network)
    assert rf.at("0").size == (3, 3)
    assert rf.at("1.stem").size == (5, 5)
    for point in ("1", "2", "output"):
        with pytest.raises(archcheck.UnknownField, match=r"test_sampling\.py:\d+|not seen"):
            rf.at(point)
    report = archcheck.verify(network, {"rules": {"receptive-field": {"more_than": 1}}})
    assert report.finding("receptive-field").verdict.status == "not-verified"


def test_windows_of_sampled_maps_settle() -> None:
    assert_theoretical(nn.Sequential(nn.Conv1d(2, 2, 3), nn.MaxPool1d(2)), (2, 12))
