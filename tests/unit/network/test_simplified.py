"""What is said to cancel out does: other values of it give the same output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

import archcheck
from archcheck.network.reach import reach_of
from tests.support.modules import Fn

ONE: list[Callable[[Tensor], Tensor]] = [
    lambda a: -a,
    lambda a: 2 - a,
    lambda a: a * -0.5,
    lambda a: a / 4,
    lambda a: a + 1,
    lambda a: a.abs(),
    lambda a: a.relu(),
    lambda a: a.sigmoid(),
    lambda a: a.tanh().floor(),
    lambda a: a.clamp(-1, 0),
    lambda a: a.clamp(min=1),
    lambda a: a.square(),
    lambda a: a.sign(),
    lambda a: a.clone().detach(),
    lambda a: a.double().float(),
    lambda a: (a > 0.5).float(),
    lambda a: a.flip(2),
    lambda a: a.amax(2, keepdim=True).expand_as(a),
    lambda a: a.softmax(1),
    lambda a: a.long().float(),
    lambda a: a.transpose(2, 3),
    lambda a: a.roll(1, 2),
    lambda a: a.roll((-1, 1), (2, 3)),
    lambda a: a.flatten(2).view(a.shape),
    lambda a: a.permute(0, 1, 3, 2).contiguous(),
    lambda a: F.leaky_relu(a, 0.0),
    lambda a: F.threshold(a, 0.5, -1.0),
    lambda a: F.hardshrink(a, 2.0),
    lambda a: F.hardsigmoid(a),
    lambda a: F.avg_pool2d(a, 3, 1, 1),
    lambda a: F.max_pool2d(a, 3, 1, 1),
    lambda a: a.softmax(2).sum(2, keepdim=True).expand_as(a),
    lambda a: a**3,
    lambda a: (a.round() * 4) % 2,
]
TWO: list[Callable[[Tensor, Tensor], Tensor]] = [
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: torch.sub(a, b, alpha=2),
    lambda a, b: a * b,
    lambda a, b: a / (b.abs() + 1),
    lambda a, b: torch.minimum(a, b),
    lambda a, b: torch.maximum(a, b),
    lambda a, b: (a >= b).float(),
    lambda a, b: torch.where(a > b, a, b),
    lambda a, b: torch.cat([a, b], 1)[:, 1:],
    lambda a, b: torch.max(a, b),
    lambda a, b: torch.lerp(a, b, 0.5),
    lambda a, b: torch.addcmul(a, b, b, value=-1),
    lambda a, b: ((a > 0) & (b > 0)).float(),
    lambda a, b: torch.logical_or(a, b).float(),
    lambda a, b: F.cosine_similarity(a, b, dim=2)[:, :, None].expand_as(a),
    lambda a, b: torch.clamp(a, max=b),
]
steps = st.lists(
    st.tuples(
        st.one_of(st.sampled_from(ONE), st.sampled_from(TWO)),
        st.integers(0, 5),
        st.integers(0, 5),
    ),
    min_size=2,
    max_size=9,
)


def network(drawn: list[tuple[Callable[..., Tensor], int, int]]) -> nn.Module:
    """The last value of a graph over the input and a convolution of it."""

    def forward(s: Any, x: Tensor) -> Tensor:
        values: list[Tensor] = [x, s.conv(x)]
        for step, first, second in drawn:
            one, other = (values[max(-1 - place, -len(values))] for place in (first, second))
            values.append(step(one) if step in ONE else step(one, other))
        return values[-1]

    return Fn(forward, conv=nn.Conv2d(1, 1, 1)).eval()


@given(steps)
def test_what_cancels_out_changes_nothing(
    drawn: list[tuple[Callable[..., Tensor], int, int]],
) -> None:
    torch.manual_seed(0)
    net = network(drawn)
    traced = archcheck.trace(net, (1, 3, 3))
    convolution = next(op for op in traced.ops if op.kind == "conv2d")
    if reach_of(traced).possible(convolution):
        return
    x = torch.randn(4, 1, 3, 3)
    with torch.no_grad():
        before = net(x)
        for factor in (3.0, -2.0, 0.1):
            net.get_parameter("conv.weight").mul_(factor)
            torch.testing.assert_close(net(x), before, rtol=1e-4, atol=1e-4)
