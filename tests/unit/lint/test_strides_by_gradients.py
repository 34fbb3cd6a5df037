"""Positions that strides step over, in random branches over one signal, against gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from tests.support.linting import found_by

MOVES: dict[str, Callable[[Tensor], Tensor]] = {
    "none": lambda x: x,
    "tanh": torch.tanh,
    "roll": lambda x: x.roll(1, 2),
    "flip": lambda x: x.flip(2),
    "crop": lambda x: x[:, :, 1:],
    "every second": lambda x: x[:, :, ::2],
    "pad": lambda x: nn.functional.pad(x, (1, 2)),
}


class Branches(nn.Module):
    """Layers side by side, each with what is done to the signal in front of it."""

    def __init__(self, branches: list[tuple[str, nn.Module]]) -> None:
        super().__init__()
        self.moves = [move for move, _ in branches]
        self.layers = nn.ModuleList(layer for _, layer in branches)

    def forward(self, x: Tensor) -> list[Tensor]:
        pairs = zip(self.moves, self.layers, strict=True)
        return [layer(MOVES[move](x)) for move, layer in pairs]


@st.composite
def branches(draw: Any) -> Branches:
    numbers = st.integers
    made: list[tuple[str, nn.Module]] = []
    for _ in range(draw(numbers(1, 3))):
        kernel, stride = draw(numbers(1, 3)), draw(numbers(1, 4))
        layer: nn.Module = nn.AvgPool1d(kernel, stride)
        if draw(st.booleans()):
            layer = nn.Conv1d(1, 1, kernel, stride, 0, draw(numbers(1, 3)))
        made.append((draw(st.sampled_from([*MOVES])), layer))
    return Branches(made)


def read_positions(module: nn.Module, side: int) -> list[int]:
    """The positions of a signal that the outputs depend on."""
    x = torch.rand(1, 1, side, requires_grad=True)
    for parameter in module.parameters():
        nn.init.uniform_(parameter, 0.5, 1.0)
    sum(y.sum() for y in module(x)).backward()
    assert x.grad is not None
    return [*torch.nonzero(x.grad[0, 0]).flatten().tolist()]


def steps_over(layer: Any) -> bool:
    """Whether a window leaves positions out on a long signal."""
    kernel, stride = (int(torch.tensor(n).item()) for n in (layer.kernel_size, layer.stride))
    dilation = int(torch.tensor(getattr(layer, "dilation", 1)).item())
    seen = {o * stride + t * dilation for o in range(50) for t in range(kernel)}
    return not {*range(10, 40)} <= seen


@given(module=branches(), side=st.integers(16, 24))
def test_what_a_stride_steps_over_has_no_gradient(module: Branches, side: int) -> None:
    read = read_positions(module, side)
    holes = len(read) < read[-1] - read[0] + 1
    strides = [f"layers.{n}" for n, layer in enumerate(module.layers) if steps_over(layer)]
    found = found_by("stride-exceeds-kernel", module, (1, side))
    assert [*found] == (strides if holes else [])
