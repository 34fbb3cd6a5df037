"""Networks as people write them: what made earlier versions of this or other tools stumble."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations

import archcheck
from archcheck.network import layers_of
from archcheck.network.remarks import remarks_on
from archcheck.network.torch_layers import LAYER_CLASSES
from tests.support import oracle

IMAGE = (3, 32, 32)


def verdict(model: nn.Module, rule: str, options: Any, shape: tuple[int, ...] = IMAGE) -> str:
    """The status of one rule on a live module."""
    report = archcheck.verify(model, {"rules": {rule: options}}, input_shape=shape)
    return report.finding(rule).verdict.status


class Shortcut(nn.Module):
    """A residual block that widens its shortcut with constants."""

    def __init__(self, widen: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.first = nn.Conv2d(4, 8, 3, stride=2, padding=1)
        self.second = nn.Conv2d(8, 8, 3, padding=1)
        self.widen = widen

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.second(F.relu(self.first(x))) + self.widen(x[:, :, ::2, ::2]))


WIDENINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "zeros_like": lambda x: torch.cat([x, torch.zeros_like(x)], 1),
    "zeros": lambda x: torch.cat([x, torch.zeros(1, 4, *x.shape[2:], dtype=x.dtype)], 1),
    "new_zeros": lambda x: torch.cat([x.new_zeros(x.shape), x], 1),
    "pad": lambda x: F.pad(x, (0, 0, 0, 0, 2, 2)),
}


@pytest.mark.parametrize("name", WIDENINGS)
def test_a_shortcut_widened_by_constants_keeps_its_field(name: str) -> None:
    stem, last = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(8, 8, 5, padding=2)
    model = nn.Sequential(stem, Shortcut(WIDENINGS[name]), last).double()
    field = archcheck.receptive_field(archcheck.trace(model, IMAGE)).at("output")
    assert (field.size, field.smallest, field.jump) == ((17, 17), (17, 17), (2, 2))
    mask = oracle.actual_field(model, IMAGE, (0, 3))
    rows, columns = field.actual((0, 3))
    assert rows == (0, oracle.project(mask, 0)[-1])
    assert columns == (oracle.project(mask, 1)[0], oracle.project(mask, 1)[-1])


class Coordinates(nn.Module):
    """Ramps beside the image's channels."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(5, 4, 7, stride=2), nn.Conv2d(4, 4, 7), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        ramp = torch.linspace(0, 1, x.shape[3]).expand(1, 1, *x.shape[2:])
        maps: Tensor = self.body(torch.cat([x, ramp, ramp.transpose(2, 3)], 1))
        return maps.mean((2, 3))


def test_coordinates_beside_the_image_join_nothing() -> None:
    field = archcheck.receptive_field(archcheck.trace(Coordinates(), IMAGE)).at("features")
    assert (field.size, field.jump, field.is_global) == ((19, 19), (2, 2), False)


class Excite(nn.Module):
    """Squeeze and excite in its classic spelling."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        y = F.adaptive_avg_pool2d(x, 1).view(1, 4)
        y = torch.sigmoid(self.fc(y)).view(1, 4, 1, 1)
        return x * y.expand_as(x)


def test_a_gate_by_expand_as_is_followed() -> None:
    field = archcheck.receptive_field(archcheck.trace(Excite(), IMAGE)).at("output")
    assert field.is_global
    assert field.local == (3, 3)
    assert field.size == (34, 34)
    assert field.start == (15.5, 15.5)  # unit 0 sees all that the gate saw


class Two(nn.Module):
    """Two inputs, seen through different kernels."""

    def __init__(self) -> None:
        super().__init__()
        self.image = nn.Conv2d(3, 4, 7, padding=3)
        self.depth = nn.Conv2d(1, 4, 5, padding=2)
        self.last = nn.Conv2d(8, 4, 3)

    def forward(self, image: Tensor, depth: Tensor) -> Tensor:
        seen: Tensor = self.last(torch.cat((self.image(image), self.depth(depth)), 1))
        return seen


def test_every_input_has_to_be_seen() -> None:
    network = archcheck.trace(Two(), [(3, 16, 16), (1, 16, 16)])
    sizes = [archcheck.receptive_field(network, input_index=i).size for i in (0, 1)]
    assert sizes == [(9, 9), (7, 7)]
    for bound, passed in ((6, True), (7, False), (8, False)):
        report = archcheck.verify(network, {"rules": {"receptive-field": {"more_than": bound}}})
        assert report.passed is passed


class TwoPools(nn.Module):
    """A global pool for each of two inputs."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return torch.cat([a.mean((2, 3)), F.adaptive_avg_pool2d(b, 1).flatten(1)], 1)


def test_pools_of_every_input_are_counted() -> None:
    network = archcheck.trace(TwoPools(), [IMAGE, (1, 8, 8)])
    report = archcheck.verify(network, {"rules": {"global-average-pool": {"exactly": 2}}})
    assert report.passed


def test_a_pixel_shuffle_halves_the_jump() -> None:
    model = nn.Sequential(nn.Conv2d(3, 16, 3), nn.PixelShuffle(2))
    field = archcheck.receptive_field(archcheck.trace(model, IMAGE)).at("output")
    assert (field.size, field.jump, field.shape) == ((3, 3), (0.5, 0.5), (60, 60))


# -- weights that are computed --------------------------------------------------------------


def parametrized() -> nn.Sequential:
    return nn.Sequential(
        parametrizations.weight_norm(nn.Conv2d(3, 8, 3, dilation=2)),
        parametrizations.spectral_norm(nn.Conv2d(8, 8, 3, groups=8)),
        parametrizations.spectral_norm(nn.Conv2d(8, 4, 1)),
        nn.Flatten(),
        parametrizations.weight_norm(nn.Linear(4 * 26 * 26, 3)),
    )


def test_parametrized_layers_are_layers() -> None:
    network = archcheck.trace(parametrized(), IMAGE)
    plain = nn.Sequential(
        nn.Conv2d(3, 8, 3, dilation=2),
        nn.Conv2d(8, 8, 3, groups=8),
        nn.Conv2d(8, 4, 1),
        nn.Flatten(),
        nn.Linear(4 * 26 * 26, 3),
    )
    assert network.macs is not None
    assert network.macs - network.constant_macs == archcheck.trace(plain, IMAGE).macs
    types = ["Conv2d", "Conv2d", "Conv2d", "Flatten", "Linear"]
    assert [layer.type for layer in layers_of(network)] == types
    assert sum(layer.num_parameters for layer in layers_of(network)) == network.num_parameters
    for rule, options, status in (
        ("layers", {"kind": "Conv2d", "exactly": 3}, "passed"),
        ("layers", {"kind": "Linear", "exactly": 0}, "failed"),
        ("dilated", {"exactly": 1}, "passed"),
        ("depthwise-separable", "required", "passed"),
    ):
        assert verdict(parametrized(), rule, options) == status


class Derived(nn.Module):
    """A classifier whose weight is made of a parameter."""

    def __init__(self, make: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(12, 3))
        self.make = make

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1) @ self.make(self.weight)


@pytest.mark.parametrize(
    "make", [lambda w: w * 2, lambda w: F.normalize(w, dim=0), lambda w: F.dropout(w, 0.5, True)]
)
def test_a_product_with_a_derived_weight_is_fully_connected(
    make: Callable[[Tensor], Tensor],
) -> None:
    assert verdict(Derived(make), "fully-connected", "forbidden", (3, 2, 2)) == "failed"


def test_lazy_layers_are_what_they_become() -> None:
    model = nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(2))
    network = archcheck.trace(model, (3, 8, 8))
    assert [layer.type for layer in layers_of(network)] == ["Conv2d", "Flatten", "Linear"]
    assert network.macs == 3 * 4 * 9 * 36 + 144 * 2


def test_what_a_lazy_layer_draws_is_no_step_of_the_pass() -> None:
    model = nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(2))
    network = archcheck.trace(model, (3, 8, 8))
    assert [op.kind for op in network.ops] == ["conv2d", "flatten", "linear"]
    assert network.left_out_ops == ()
    assert remarks_on(network) == ()
    assert all(parameter.used for parameter in network.parameters)


# -- spellings ------------------------------------------------------------------------------


class Handwritten(nn.Module):
    """A depthwise-separable convolution with something between its halves."""

    def __init__(self, between: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(3, 6, 3, groups=3)
        self.pointwise = nn.Conv2d(6, 4, 1)
        self.between = between

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.pointwise(self.between(self.depthwise(x)))
        return y


@pytest.mark.parametrize(
    ("between", "status"),
    [
        (lambda y: y * torch.sigmoid(y), "passed"),
        (lambda y: y * F.relu6(y + 3) / 6, "passed"),
        (lambda y: F.layer_norm(y.permute(0, 2, 3, 1), (6,)).permute(0, 3, 1, 2), "passed"),
        (lambda y: F.avg_pool2d(y, 2), "failed"),
        (lambda y: torch.cat([y[:, 3:], y[:, :3]], 1), "failed"),
    ],
)
def test_an_activation_written_by_hand_lies_between(
    between: Callable[[Tensor], Tensor], status: str
) -> None:
    assert verdict(Handwritten(between), "depthwise-separable", "required") == status


@pytest.mark.parametrize(
    ("pool", "status"),
    [
        (lambda x: x.sum((2, 3)) / 1024, "passed"),
        (lambda x: x.sum((2, 3)), "failed"),
        (lambda x: x.sum(3) / 32, "failed"),
    ],
)
def test_a_scaled_sum_is_an_average(pool: Callable[[Tensor], Tensor], status: str) -> None:
    class Net(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return pool(x)

    assert verdict(Net(), "global-average-pool", "required") == status


@pytest.mark.parametrize("kind", ["Conv2D", "ReLu", "MaxPool2D", "Nonsense"])
def test_a_misspelt_kind_is_no_pass(kind: str) -> None:
    # It may be a class of the network's own.
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2))
    assert verdict(model, "layers", {"kind": kind, "exactly": 0}) == "not-verified"


@pytest.mark.parametrize("kind", ["maxpool2d", "conv", "batchnorm"])
def test_a_misspelt_operation_is_refused(kind: str) -> None:
    with pytest.raises(archcheck.SpecError, match=r"known as .*; did you mean"):
        verdict(nn.Identity(), "layers", {"kind": kind, "exactly": 0})


@pytest.mark.parametrize(
    ("function", "status"),
    [
        ("torch.conv2d", "failed"),
        ("torch.nn.functional.conv2d", "failed"),
        ("F.conv2d", "not-verified"),
        ("torch.nn.functional.typo", "not-verified"),
        ("torch.nn.functional.max_pool2d", "passed"),
    ],
)
def test_a_function_goes_by_its_public_name(function: str, status: str) -> None:
    model = nn.Conv2d(3, 4, 3)
    assert verdict(model, "layers", {"function": function, "exactly": 0}) == status


def test_torch_s_layers_are_known_by_name() -> None:
    own = {
        name
        for name, value in vars(nn).items()
        if isinstance(value, type) and issubclass(value, nn.Module) and value is not nn.Module
    }
    assert own == LAYER_CLASSES


def test_a_function_is_at_fault_where_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "import torch.nn.functional as F\nfrom torch import nn\n\n\n"
        "class Block(nn.Module):\n    def forward(self, x):\n"
        "        return F.max_pool2d(x, 2)\n\n\n"
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.block = Block()\n\n    def forward(self, x):\n        return self.block(x)\n"
    )
    spec = {"input": [3, 8, 8], "rules": {"max-pool": "forbidden"}}
    report = archcheck.verify(tmp_path / "net.py", spec)
    places = [where.place for where in report.finding("max-pool").verdict.locations]
    assert [place.line for place in places if place is not None] == [7]


class Hoarder(nn.Module):
    """Keeps what it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Tensor] = []
        self.by_name: dict[str, Tensor] = {}

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x)
        self.by_name["x"] = x
        self.last = x
        return x * 2


def test_what_a_forward_keeps_is_let_go_again() -> None:
    model = Hoarder()
    seen = model.seen
    archcheck.trace(model, IMAGE)
    assert model.seen is seen
    assert (model.seen, model.by_name) == ([], {})
    assert not hasattr(model, "last")


def test_a_network_and_one_derived_from_it_are_two(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "from torch import nn\n\n\nclass Net(nn.Module):\n    def forward(self, x):\n"
        "        return x\n\n\nclass NetWide(Net):\n    def forward(self, x):\n"
        "        return x * 2\n"
    )
    spec = {"input": [3], "rules": {"max-pool": "forbidden"}}
    report = archcheck.verify(tmp_path / "net.py", spec)
    assert not report.passed
    assert "2 networks; name one: net.py:Net, net.py:NetWide" in str(report)


@pytest.mark.parametrize("way", ["brackets", "index_put"])
def test_values_of_another_type_cannot_be_written_at_indices_of_the_input(way: str) -> None:
    class Mixed(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            places = x.flatten().argsort()[:4]
            room = torch.zeros(16, dtype=torch.float64)
            if way == "index_put":
                return room.index_put((places,), x.flatten()[:4])
            room[places] = x.flatten()[:4]
            return room

    with pytest.raises(archcheck.NetworkError, match="dtypes match"):
        archcheck.trace(Mixed(), (1, 4, 4))


def test_a_part_of_complex_numbers_keeps_its_name_in_every_pass() -> None:
    class Spectrum(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            part: Tensor = torch.fft.fft(torch.ones(8)).real
            return x * part

    model = Spectrum()
    traced = [archcheck.trace(model, (3, 8, 8)) for _ in range(2)]
    names = [[op.function for op in network.ops] for network in traced]
    assert "torch.Tensor.real.__get__" in names[0]
    assert names[0] == names[1]
