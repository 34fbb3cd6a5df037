"""What rules say of windows over random networks against gradients, at every output position."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor, nn

from tests.support.linting import found_by

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
CHANNELS = 2
SIDES = {1: 9, 2: 6, 3: 4}
LAYERS = {
    "conv": (nn.Conv1d, nn.Conv2d, nn.Conv3d),
    "transposed": (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
    "average": (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d),
    "maximum": (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d),
    "zeros": (nn.ZeroPad1d, nn.ZeroPad2d, nn.ZeroPad3d),
    "norm": (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d),
}


class Chain(nn.Module):
    """Layers in a row, and what each of them gives: all of it is read.

    ``skips`` are those whose input is added to what they give."""

    def __init__(self, layers: list[nn.Module], skips: set[int]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.skips = skips

    def forward(self, x: Tensor) -> list[Tensor]:
        given = []
        for number, layer in enumerate(self.layers):
            given.append(layer(x))
            x = x + given[-1] if number in self.skips and given[-1].shape == x.shape else given[-1]
        return given


@st.composite
def layers(draw: Any, dims: int) -> nn.Module:
    numbers = st.integers
    kind = draw(st.sampled_from([*LAYERS, "conv", "conv", "tanh"]))
    made: Any = LAYERS.get(kind, (nn.Tanh,) * 3)[dims - 1]
    each = {
        name: tuple(draw(numbers(low, high)) for _ in range(dims))
        for name, low, high in (
            ("kernel", 1, 5),
            ("stride", 1, 3),
            ("dilation", 1, 4),
            ("pad", 0, 5),
        )
    }
    if kind == "conv":
        pad = draw(st.sampled_from(["same", each["pad"]]))
        stride = 1 if pad == "same" else each["stride"]
        mode = draw(st.sampled_from(["zeros"] * 4 + ["replicate"]))
        return made(  # type: ignore[no-any-return]
            *(CHANNELS, CHANNELS, each["kernel"], stride, pad, each["dilation"]),
            bias=draw(st.booleans()),
            padding_mode=mode,
        )
    if kind == "transposed":
        rest = {"bias": draw(st.booleans()), "dilation": each["dilation"]}
        return made(CHANNELS, CHANNELS, each["kernel"], each["stride"], each["pad"], **rest)  # type: ignore[no-any-return]
    if kind in ("average", "maximum"):
        pad = draw(numbers(0, min(each["kernel"]) // 2))
        return made(each["kernel"], each["stride"], pad, ceil_mode=draw(st.booleans()))  # type: ignore[no-any-return]
    if kind == "zeros":
        return made(tuple(draw(numbers(-1, 3)) for _ in range(2 * dims)))  # type: ignore[no-any-return]
    return made(CHANNELS) if kind == "norm" else made()  # type: ignore[no-any-return]


@st.composite
def chains(draw: Any) -> tuple[Chain, tuple[int, ...]]:
    """A network that runs, and the shape of its input."""
    dims = draw(st.integers(1, 3))
    sides = [draw(st.integers(1, SIDES[dims])) for _ in range(dims)]
    x = torch.rand(1, CHANNELS, *sides)
    kept: list[nn.Module] = []
    skips = draw(st.sets(st.integers(0, 5)))
    for _ in range(draw(st.integers(1, 6))):
        layer = draw(layers(dims)).eval()
        try:
            made = layer(x)
        except (RuntimeError, ValueError):
            continue
        if max(made.shape) <= 30 and made.numel():
            x = x + made if len(kept) in skips and made.shape == x.shape else made
            kept.append(layer)
    assume(kept)
    return Chain(kept, skips), (CHANNELS, *sides)


def random_weights(module: nn.Module) -> None:
    """Numbers that add up to nothing but by what is zero; a norm moves zeros."""
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.is_floating_point():
            tensor.data = torch.rand_like(tensor, dtype=torch.float64) + 0.5


def convolutions(module: Chain) -> Iterator[tuple[str, Any]]:
    for name, layer in module.named_modules():
        if isinstance(layer, tuple(LAYERS["conv"] + LAYERS["transposed"])):
            yield name, layer


def run(module: Chain, shape: tuple[int, ...]) -> dict[str, tuple[Tensor, Tensor]]:
    """What each convolution read and gave in a pass over random numbers."""
    seen = {}
    random_weights(module)
    hooks = [
        layer.register_forward_hook(
            lambda _, read, gave, name=name: seen.update({name: (read[0], gave)})
        )
        for name, layer in convolutions(module)
    ]
    module.eval()(torch.rand(1, *shape, dtype=torch.float64) + 0.5)
    for hook in hooks:
        hook.remove()
    return seen


@given(drawn=chains())
def test_taps_are_dead_where_their_weights_have_no_gradient(
    drawn: tuple[Chain, tuple[int, ...]],
) -> None:
    module, shape = drawn
    found = found_by("dead-kernel-taps", module, shape)
    expected = {}
    seen = run(module, shape)
    for name, layer in convolutions(module):
        gave = seen[name][1]
        (gradient,) = torch.autograd.grad(
            (gave * torch.rand_like(gave)).sum(), layer.weight, retain_graph=True
        )
        by_tap = gradient.abs().sum((0, 1))
        dead = int((by_tap == 0).sum())
        if dead:
            expected[name] = f"{dead} of the {by_tap.numel()} taps"
    assert {name: text.split(" of a kernel")[0] for name, text in found.items()} == expected


@given(drawn=chains())
def test_outputs_of_a_convolution_without_a_gradient_meet_padding_alone(
    drawn: tuple[Chain, tuple[int, ...]],
) -> None:
    module, shape = drawn
    found = found_by("padding-only-output", module, shape)
    expected = {}
    seen = run(module, shape)
    for name, layer in convolutions(module):
        if isinstance(layer, LAYERS["conv"]):
            numbers = _differing(layer, seen[name][0])
            dead = int((numbers == 0).sum())
            if dead:
                expected[name] = f"at {dead:,} of {numbers.numel():,} output position"
    texts = {name: text[text.index("at ") :] for name, text in found.items()}
    assert {
        name: text.split(" output")[0] + " output position" for name, text in texts.items()
    } == expected


def _differing(layer: Any, read: Tensor) -> Tensor:
    """How far each output position of a convolution is from its bias."""
    with torch.no_grad():
        layer.bias = None
        return layer(read).abs().sum((0, 1))  # type: ignore[no-any-return]
