"""Constant masks over kernels take taps out: the fields are those that gradients show."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import archcheck
from tests.support.exactness import (
    assert_every_element,
    assert_every_region,
    assert_every_unit,
    assert_theoretical,
    field_of,
)

Weighing = Callable[["Net", Tensor], Tensor]
Reading = Callable[[Tensor, Tensor], Tensor]
SHAPE = (2, 5, 7)


class Net(nn.Module):
    """A convolution, and one whose kernel is a function of a weight and a mask.

    The mask leaves the row above, and of the middle row what is left of its centre.
    """

    mask: Tensor

    def __init__(self, kernel: Weighing, channels: int = 3) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, channels, 3, padding=1)
        self.weight = nn.Parameter(torch.rand(channels, channels, 3, 5) + 0.5)
        mask = torch.zeros(3, 5)
        mask[0], mask[1, :2] = 1, 1
        self.register_buffer("mask", mask)
        self.plain = mask.clone().double()
        self.trained = nn.Parameter(torch.rand(3))
        self.kernel = kernel

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(self.first(x), self.kernel(self, self.weight), padding=(1, 2))


def in_data(net: Net, weight: Tensor) -> Tensor:
    weight.data *= net.mask
    return weight


def in_parts_of_data(net: Net, weight: Tensor) -> Tensor:
    weight.data[:, :, 1, 2:] *= 0
    weight.data[:, :, 2].zero_()
    return weight


def without_gradient(net: Net, weight: Tensor) -> Tensor:
    with torch.no_grad():
        weight.mul_(net.mask)
    return weight


def of_a_clone(net: Net, weight: Tensor) -> Tensor:
    kernel = weight.clone()
    kernel[..., 1, 2:] = 0
    kernel[:, :, 2:] = 0
    return kernel


def into_zeros(net: Net, weight: Tensor) -> Tensor:
    kernel = torch.zeros_like(weight)
    kernel[:, :, 0] = weight[:, :, 0]
    kernel[:, :, 1, :2] = weight[:, :, 1, :2]
    return kernel


def made_in_forward(net: Net, weight: Tensor) -> Tensor:
    mask = torch.ones_like(weight)
    mask[:, :, 1, 2:], mask[:, :, 2:] = 0, 0
    return weight * mask


MASKED: dict[str, Weighing] = {
    "buffer": lambda net, weight: weight * net.mask,
    "attribute": lambda net, weight: net.plain * weight,
    "truth values": lambda net, weight: weight * (net.mask > 0),
    "values of a mask": lambda net, weight: weight * (net.mask * 0.3),
    "where": lambda net, weight: torch.where(net.mask > 0, weight, 0.0),
    "filled": lambda net, weight: weight.masked_fill(net.mask == 0, 0.0),
    "data": in_data,
    "parts of data": in_parts_of_data,
    "without gradient": without_gradient,
    "clone": of_a_clone,
    "into zeros": into_zeros,
    "made in forward": made_in_forward,
    "frozen": lambda net, weight: weight.detach() * net.mask,
    "normed": lambda net, weight: (weight * net.mask) / (weight * net.mask).norm(),
    "summed": lambda net, weight: weight * net.mask + weight.flip(0) * net.mask,
    "reshaped": lambda net, weight: (weight.flatten(2) * net.mask.flatten()).view(weight.shape),
    "einsum": lambda net, weight: torch.einsum("oihw,hw->oihw", weight, net.mask),
    "negative": lambda net, weight: -(weight * net.mask),
}


@pytest.mark.parametrize("name", MASKED)
def test_a_mask_takes_taps_out(name: str) -> None:
    field = assert_every_unit(Net(MASKED[name]), SHAPE)
    assert field.size == (4, 7)
    assert field.unit((3, 3)).theoretical.count == 7 * 3 + 4


SHAPED: dict[str, Weighing] = {
    "tril": lambda net, weight: torch.tril(weight),
    "triu": lambda net, weight: weight.triu(1),
    "times tril": lambda net, weight: weight * torch.ones(3, 5).to(weight).tril(),
    "padded": lambda net, weight: F.pad(weight[:, :, :2, :3], (0, 2, 0, 1)),
    "joined": lambda net, weight: torch.cat(
        [weight[:, :, :1], torch.zeros_like(weight[:, :, 1:])], 2
    ),
}


@pytest.mark.parametrize("name", SHAPED)
def test_kernels_of_other_shapes(name: str) -> None:
    assert_every_unit(Net(SHAPED[name]), SHAPE)
    assert_every_region(Net(SHAPED[name]).double(), SHAPE)


UNMASKED: dict[str, Weighing] = {
    "ones": lambda net, weight: weight * torch.ones(3, 5).to(weight),
    "filled with ones": lambda net, weight: weight.masked_fill(net.mask == 0, 1.0),
    "drawn at random": lambda net, weight: weight * (torch.rand(3, 5) > 0.5),
    "dropped at random": lambda net, weight: weight * (F.dropout(torch.ones(3, 5)) > 3),
    "decided by weights": lambda net, weight: weight * (net.trained.sum() > 9),
    "chosen by weights": lambda net, weight: torch.where(net.trained.sum() > 9, weight, 0.0),
    "moved off zero": lambda net, weight: weight * net.mask - weight.mean(),
}


@pytest.mark.parametrize("name", UNMASKED)
def test_what_is_no_constant_mask_takes_nothing_out(name: str) -> None:
    field = field_of(Net(UNMASKED[name]), SHAPE)
    assert field.size == (5, 7)
    assert field.coverage == (1, 1)


def test_zeros_that_were_there_before_are_trained_ones() -> None:
    net = nn.Conv2d(2, 2, 5, padding=2)
    with torch.no_grad():
        net.weight[:, :, 2:] = 0
    assert field_of(net, SHAPE).size == (5, 5)


def test_a_frozen_parameter_may_be_a_mask() -> None:
    class Frozen(Net):
        def __init__(self) -> None:
            super().__init__(lambda net, weight: weight * net.trained)
            self.trained = nn.Parameter(self.mask.clone(), requires_grad=False)

    assert field_of(Frozen(), SHAPE).size == (4, 7)


def test_frozen_weights_are_no_mask() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(1))
            self.fixed = nn.Parameter(torch.rand(1, 2, 5, 5), requires_grad=False)
            self.fixed.data[:, :, 2:] = 0

        def forward(self, x: Tensor) -> Tensor:
            return F.conv2d(x, self.fixed * self.scale)

    assert field_of(Scaled(), SHAPE).size == (5, 5)


class Causal(nn.Conv2d):
    """A masked convolution in the manner of PixelCNN (van den Oord et al., ICML 2016)."""

    mask: Tensor

    def __init__(self, centre: bool, channels_in: int, channels_out: int, kernel: int) -> None:
        super().__init__(channels_in, channels_out, kernel, padding=kernel // 2)
        mask = torch.ones_like(self.weight)
        mask[:, :, kernel // 2, kernel // 2 + centre :] = 0
        mask[:, :, kernel // 2 + 1 :] = 0
        self.register_buffer("mask", mask)

    def forward(self, x: Tensor) -> Tensor:
        self.weight.data *= self.mask
        return super().forward(x)


def test_stacked_causal_convolutions_leave_no_blind_positions() -> None:
    net = nn.Sequential(Causal(False, 1, 4, 7), nn.ReLU(), Causal(True, 4, 4, 3))
    field = assert_theoretical(net, (1, 16, 16))
    assert field.size == (5, 9)
    # 9 positions in each of three rows, 8 in the next one, 4 in that of the unit.
    assert field.unit((8, 8)).theoretical.count == 3 * 9 + 8 + 4
    assert_every_region(net, (1, 10, 11))


def irregular(*shape: int) -> Tensor:
    """Zeros and ones without a pattern."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(3)) > 0.6


class Apart(nn.Module):
    """Channels that look different ways, and an operation whose weight is masked."""

    mask: Tensor

    def __init__(self, shape: tuple[int, ...], mask: Tensor, apply: Reading) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3, padding=1)
        self.weight = nn.Parameter(torch.rand(shape))
        self.register_buffer("mask", mask)
        self.apply_weight = apply

    def forward(self, x: Tensor) -> Tensor:
        parts = self.first(x).chunk(4, 1)
        x = torch.cat([part.roll(n, -1) for n, part in enumerate(parts)], 1)
        return self.apply_weight(x, self.weight * self.mask)


ACROSS_CHANNELS: dict[str, Apart] = {
    "pairs": Apart((4, 4, 3, 3), irregular(4, 4, 3, 3), lambda x, w: F.conv2d(x, w, padding=1)),
    "an order of channels": Apart(
        (4, 4, 3, 3), torch.ones(4, 4).tril()[:, :, None, None], lambda x, w: F.conv2d(x, w)
    ),
    "strided": Apart(
        (4, 4, 3, 3), irregular(4, 1, 3, 3), lambda x, w: F.conv2d(x, w, stride=2, dilation=2)
    ),
    "groups": Apart((4, 2, 3, 3), irregular(4, 2, 3, 3), lambda x, w: F.conv2d(x, w, groups=2)),
    "each": Apart((4, 1, 3, 3), irregular(4, 1, 3, 3), lambda x, w: F.conv2d(x, w, groups=4)),
    "transposed": Apart(
        (4, 3, 3, 3), irregular(4, 3, 3, 3), lambda x, w: F.conv_transpose2d(x, w, stride=2)
    ),
    "transposed in groups": Apart(
        (4, 2, 3, 3),
        irregular(4, 2, 3, 3),
        lambda x, w: F.conv_transpose2d(x, w, stride=2, padding=1, groups=2),
    ),
    "nothing left": Apart((4, 4, 3, 3), torch.zeros(3, 3), lambda x, w: F.conv2d(x, w)),
}


@pytest.mark.parametrize("name", ACROSS_CHANNELS)
def test_masks_across_channels(name: str) -> None:
    net = ACROSS_CHANNELS[name]
    assert_every_element(net, SHAPE)
    if name != "nothing left":
        assert_every_region(net.double(), SHAPE)


MATRICES: dict[str, Apart] = {
    "positions": Apart((7, 7), torch.ones(7, 7).tril(), F.linear),
    "channels": Apart(
        (5, 4), irregular(5, 4), lambda x, w: F.linear(x.movedim(1, -1), w).movedim(-1, 1)
    ),
    "all pixels": Apart(
        (35, 35),
        torch.ones(35, 35).tril(-1),
        lambda x, w: F.linear(F.linear(x.mean(1).flatten(1), w, torch.ones(35).to(w)), w.tril()),
    ),
    "one row": Apart((3, 7), torch.ones(3, 7).tril(), lambda x, w: F.linear(x, w[1])),
    "product": Apart((7, 7), torch.ones(7, 7).triu(), torch.matmul),
    "einsum": Apart(
        (7, 7), torch.ones(7, 7).tril(), lambda x, w: torch.einsum("bchw,vw->bchv", x, w)
    ),
    "row": Apart((4, 4, 5), irregular(5), lambda x, w: F.conv1d(x.mean(2), w, padding=2)),
    "space": Apart(
        (4, 4, 1, 3, 3),
        irregular(3, 3),
        lambda x, w: F.conv3d(x[:, :, None], w, padding=(0, 1, 1)),
    ),
}


@pytest.mark.parametrize("name", MATRICES)
def test_masks_of_linear_layers_products_and_other_ranks(name: str) -> None:
    assert_every_element(MATRICES[name], SHAPE)


def test_a_pruned_layer_reads_what_is_left() -> None:
    from torch.nn.utils import prune

    net = nn.Conv2d(2, 1, 5, padding=2)
    mask = torch.zeros(1, 2, 5, 5)
    mask[:, :, 2, 1:4] = 1
    prune.custom_from_mask(net, "weight", mask)  # type: ignore[no-untyped-call]
    assert field_of(net, SHAPE).size == (1, 3)


def test_the_rule_asks_for_what_is_left() -> None:
    net = nn.Sequential(Causal(False, 1, 4, 7), nn.ReLU(), Causal(True, 4, 4, 3))
    for bound, passes in ({"at_least": 9}, False), ({"at_least": 5}, True):
        spec = {"rules": {"receptive-field": bound}}
        assert archcheck.verify(net.eval(), spec, input_shape=(1, 16, 16)).passed == passes
