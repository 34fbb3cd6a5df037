"""``strided`` with ``of: anything``: whatever takes the place of a stride counts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import archcheck
from tests.support.modules import Fn

SHAPE = (3, 16, 16)
PAIRS = torch.kron(torch.eye(8), torch.ones(2, 1))
"""Sums each pair of sixteen positions."""


def grid(places: Tensor) -> Tensor:
    """A grid over places between -1 and 1 on both axes."""
    return torch.stack(torch.meshgrid(places, places, indexing="xy"), -1)[None]


def cropped_spectrum(x: Tensor) -> Tensor:
    smaller: Tensor = torch.fft.irfft2(torch.fft.rfft2(x)[:, :, :4, :5], s=(8, 8))
    return smaller


def low_frequencies(x: Tensor) -> Tensor:
    smaller: Tensor = torch.fft.ifft(torch.fft.fft(x, dim=2)[:, :, :8], dim=2).real
    return smaller


SMALLER: dict[str, Callable[[Tensor], Tensor]] = {
    "a grid": lambda x: F.grid_sample(x, grid(torch.linspace(-1, 1, 8)), align_corners=True),
    "a grid of nearest positions": lambda x: F.grid_sample(
        x, grid(torch.linspace(-1, 1, 8)), mode="nearest", align_corners=True
    ),
    "an affine grid": lambda x: F.grid_sample(
        x, F.affine_grid(torch.eye(2, 3)[None], [1, 3, 8, 8], False), align_corners=False
    ),
    "a cropped spectrum": cropped_spectrum,
    "low frequencies": low_frequencies,
    "strips": lambda x: torch.stack([part.mean(2) for part in x.chunk(8, 2)], 2),
    "sums of pairs": lambda x: (x.transpose(2, 3) @ PAIRS).transpose(2, 3),
    "an einsum over pairs": lambda x: torch.einsum("bchw,hg->bcgw", x, PAIRS),
    "every second of running sums": lambda x: x.cumsum(2)[:, :, 1::2],
    "every second of a mirror image": lambda x: x.flip(2)[:, :, ::2],
    "every second of the sorted": lambda x: x.sort(2)[0][:, :, ::2],
}
AS_LARGE: dict[str, Callable[[Tensor], Tensor]] = {
    "a grid": lambda x: F.grid_sample(x, grid(torch.linspace(-1, 1, 16)), align_corners=True),
    "a grid of a part": lambda x: F.grid_sample(
        x, grid(torch.linspace(-1, 1, 16)[4:12]), align_corners=True
    ),
    "a spectrum": lambda x: torch.fft.irfft2(torch.fft.rfft2(x) * 2, s=(16, 16)),
    "some of a spectrum": lambda x: torch.fft.irfft2(torch.fft.rfft2(x)[:, :, :4], s=(16, 16)),
    "a mirror image": lambda x: x.flip(2).rot90(1, (2, 3)),
    "a ring": lambda x: x.roll(3, 2),
    "a part": lambda x: x[:, :, 4:12],
    "the largest": lambda x: x.sort(2)[0][:, :, 8:],
}


def status(function: Callable[[Tensor], Tensor]) -> str:
    net = Fn(lambda s, x: s.last(function(s.first(x))), **convolutions())
    spec = {"rules": {"strided": {"exactly": 0, "of": "anything"}}}
    return archcheck.verify(net, spec, input_shape=SHAPE).findings[0].verdict.status


def convolutions() -> dict[str, nn.Module]:
    return {name: nn.Conv2d(3, 3, 3, padding=1) for name in ("first", "last")}


@pytest.mark.parametrize("function", SMALLER.values(), ids=list(SMALLER))
def test_what_leaves_positions_further_apart_is_a_stride(
    function: Callable[[Tensor], Tensor],
) -> None:
    assert status(function) == "failed"


@pytest.mark.parametrize("function", AS_LARGE.values(), ids=list(AS_LARGE))
def test_what_leaves_them_as_far_apart_is_none(function: Callable[[Tensor], Tensor]) -> None:
    assert status(function) == "passed"
