"""Holes that dilations leave in the fields of random networks, against gradients."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from tests.support import oracle
from tests.support.exactness import Deep
from tests.support.linting import found_by

SIDE = 48


class Branches(nn.Module):
    """Convolutions side by side whose results are added; with ``skip`` the input, too."""

    def __init__(self, layers: list[nn.Module], skip: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.skip = skip

    def forward(self, x: Tensor) -> Tensor:
        made = x if self.skip else x.new_zeros(())
        for layer in self.layers:
            made = made + layer(x)
        return made


@st.composite
def stacks(draw: Any) -> nn.Module:
    """Dilated convolutions behind each other and side by side, on one axis."""
    numbers = st.integers
    blocks: list[nn.Module] = []
    for _ in range(draw(numbers(1, 4))):
        stride = draw(st.sampled_from([1, 1, 1, 2]))
        layers: list[nn.Module] = []
        for _ in range(draw(numbers(1, 2))):
            kernel, dilation = draw(st.sampled_from([1, 3, 3, 5])), draw(numbers(1, 4))
            padding = dilation * (kernel - 1) // 2
            layers.append(nn.Conv1d(1, 1, kernel, stride, padding, dilation))
        blocks.append(Branches(layers, stride == 1 and draw(st.booleans())))
    return nn.Sequential(*blocks)


def undilated(module: nn.Module) -> nn.Module:
    made = deepcopy(module)
    for layer in made.modules():
        if isinstance(layer, nn.Conv1d):
            layer.dilation = (1,)
            layer.padding = (layer.kernel_size[0] // 2,)
    return made


def share_read(module: nn.Module) -> float:
    """The share of positions inside the hull of a field that have a gradient."""
    with Deep():
        ((found,),) = oracle.theoretical_field(module, (1, SIDE), phases=(1,))
    return float(found.size / oracle.hull_size(found))


@given(module=stacks())
def test_dilations_leave_holes_where_positions_in_between_have_no_gradient(
    module: nn.Module,
) -> None:
    found = found_by("dilation-gridding", module, (1, SIDE))
    read = share_read(module)
    assert bool(found) == (read < 1 and read < share_read(undilated(module)))
