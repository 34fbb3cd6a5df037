"""The effective receptive field: gradients with the network's own weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import archcheck
from archcheck.cli.fields import probe_of
from archcheck.fields.explain.effective import Effective, from_bytes
from archcheck.fields.explain.summary import Summary, summarize
from archcheck.tracing.unit_gradient import measure
from archcheck.worker.failures import RunError
from tests.support.modules import Cross


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(2, 3, 3, padding=1, stride=2)
        self.two = nn.Conv2d(3, 3, 3, padding=2, dilation=2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.one(x)
        x.mul_(0.5)
        return torch.tanh(self.two(torch.tanh(x)))


def found(
    module: nn.Module,
    shape: tuple[int, ...],
    at: str = "output",
    unit: tuple[int, ...] | None = None,
) -> Summary:
    rf = archcheck.receptive_field(archcheck.trace(module, shape))
    return summarize(rf, rf.locations(at)[0], unit)


def energy(
    module: nn.Module, shape: tuple[int, ...], asked: Summary, samples: int = 3
) -> Effective:
    measured = measure(module, [shape], probe_of(asked, samples))
    return from_bytes(measured.sides, measured.values, samples, "")


@pytest.mark.parametrize("at", ["output", "one", "two"])
def test_it_is_the_mean_absolute_gradient(at: str) -> None:
    torch.manual_seed(3)
    net, shape = Net().eval(), (2, 12, 10)
    asked = found(net, shape, at, (1, 3))
    result = energy(net, shape, asked)
    expected = np.zeros(shape[1:])
    for number in range(3):
        x = torch.randn((1, *shape), generator=torch.Generator().manual_seed(number))
        x.requires_grad_(True)
        one = net.one(x)
        two = net.two(torch.tanh(one * 0.5))
        y = {"one": one, "two": two, "output": torch.tanh(two)}[at]
        (gradient,) = torch.autograd.grad(y[0, :, 1, 3].sum(), x)
        expected += gradient.abs().mean((0, 1)).numpy() / 3
    np.testing.assert_allclose(result.energy, expected, rtol=1e-5)
    assert result.inside(asked.unit.actual) == pytest.approx(1)


def test_nothing_outside_of_the_exact_set_is_used() -> None:
    net, shape = Cross().eval(), (2, 13, 11)
    asked = found(net, shape)
    result = energy(net, shape, asked)
    assert np.array_equal(result.energy > 0, asked.unit.actual.mask())


def test_norms_over_space_are_seen_by_gradients() -> None:
    net, shape = nn.Sequential(nn.Conv2d(2, 2, 3, padding=1), nn.InstanceNorm2d(2)), (2, 8, 8)
    asked = found(net, shape, unit=(0, 0))
    inside = energy(net, shape, asked).inside(asked.unit.actual)
    assert inside is not None
    assert 0.2 < inside < 1


def test_the_figures_of_a_gaussian() -> None:
    # 4.55 % of the peak lies at 2.4859 standard deviations, 95 % of the mass within 1.96: between
    # 39 and 40 whole positions.
    sigma, places = 10.0, np.arange(-80, 81)
    line = np.exp(-(places**2) / (2 * sigma**2))
    effective = Effective(np.outer(line, line), 1)
    assert effective.side == pytest.approx(np.sqrt(np.pi) * 2.4859 * sigma, rel=0.01)
    assert effective.box_size == (40, 40)
    assert effective.box == ((60, 99), (60, 99))
    flat = Effective(np.ones(10), 1)
    assert (flat.side, flat.box_size) == (10, (10,))
    assert (Effective(np.zeros((4, 4)), 1).box, Effective(np.zeros((4, 4)), 1).area) == (None, 0)


def test_the_model_is_left_as_it_was() -> None:
    net = Net()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    energy(net, (2, 12, 10), found(net, (2, 12, 10)))
    assert net.training
    assert all(p.requires_grad and p.grad is None for p in net.parameters())
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


def test_no_gradient_is_said() -> None:
    class Cut(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.detach() * 2

    asked = found(Cut(), (2, 4, 4))
    with pytest.raises(RunError, match="no gradient"):
        energy(Cut(), (2, 4, 4), asked)

    class Overwritten(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            y = torch.tanh(x)
            y.mul_(2)
            return y

    asked = found(Overwritten(), (2, 4, 4))
    with pytest.raises(RunError, match=r"backward raised.*inplace"):
        energy(Overwritten(), (2, 4, 4), asked)
