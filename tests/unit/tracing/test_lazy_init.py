"""Weights that were to be drawn later are those that would have been drawn at once."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import init
from torch.nn.utils import parametrizations

from archcheck.tracing.shape_rules.lazy_init import LazyInit
from archcheck.tracing.trace import trace
from archcheck.worker.loading import loaded
from archcheck.worker.reference import parse_reference
from tests.support.zoo import resnet, vit


def made(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(*layers)


def reinitialised(function: Callable[..., object], *numbers: float) -> nn.Module:
    net = made(nn.Conv2d(3, 4, 3), nn.Linear(8, 8), nn.Linear(8, 8))
    for layer in net:
        function(layer.weight, *numbers)
        init.constant_(layer.bias, 0.5)  # type: ignore[arg-type]
    return net


def seeded_between() -> nn.Module:
    first = nn.Linear(5, 5)
    torch.manual_seed(7)
    second = nn.Linear(5, 5)
    torch.manual_seed(7)
    return made(first, second, nn.Linear(5, 5))


def forked_between() -> nn.Module:
    first = nn.Linear(5, 5)
    with torch.random.fork_rng():
        second = nn.Linear(5, 5)
    return made(first, second, nn.Linear(5, 5))


def scaled() -> nn.Module:
    one, other = nn.Linear(5, 5), nn.Linear(5, 5)
    with torch.no_grad():
        one.weight *= 0.1
        other.weight[2].zero_()
    other.weight.data.clamp_(-0.1, 0.1)
    return made(one, other)


def looked_at() -> nn.Module:
    layer = nn.Linear(5, 5)
    return made(layer, nn.Linear(5, 5 + int(layer.weight.abs().sum() > 0)))


def with_tables() -> nn.Module:
    net = made(nn.Linear(5, 5), nn.Linear(5, 5))
    net[1].register_buffer("mask", torch.rand(5) > 0.5)
    net[1].extra = nn.Parameter(torch.randn(3) * 0.02)
    return net


def handed_over() -> nn.Module:
    one, other = nn.Linear(5, 5), nn.Linear(5, 5)
    other.load_state_dict(one.state_dict())
    other.weight.data = one.weight.data + 1
    return made(one, other)


MODELS: dict[str, Callable[[], nn.Module]] = {
    "resnet": resnet.resnet18,
    "vit": vit.vit,
    "layers": lambda: made(nn.Conv3d(2, 2, 2), nn.ConvTranspose2d(2, 2, 2), nn.Bilinear(2, 3, 4)),
    "recurrent": lambda: made(nn.LSTM(3, 4, 2), nn.GRUCell(3, 4)),
    "attention": lambda: nn.TransformerEncoder(
        nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2
    ),
    "embedding": lambda: nn.Embedding(5, 3, padding_idx=1),
    "parametrized": lambda: made(
        parametrizations.weight_norm(nn.Linear(4, 4)),
        parametrizations.spectral_norm(nn.Linear(4, 4)),
    ),
    "copies": lambda: made(*(copy.deepcopy(nn.Linear(4, 4)) for _ in range(2)), nn.Linear(3, 3)),
    "xavier uniform": lambda: reinitialised(init.xavier_uniform_, 2.0),
    "xavier normal": lambda: reinitialised(init.xavier_normal_),
    "kaiming normal": lambda: reinitialised(init.kaiming_normal_),
    "normal": lambda: reinitialised(init.normal_, 1.0, 0.1),
    "uniform": lambda: reinitialised(init.uniform_, -3.0, 3.0),
    "truncated normal": lambda: reinitialised(init.trunc_normal_, 0.0, 0.02),
    "orthogonal": lambda: reinitialised(init.orthogonal_),
    "zeros": lambda: reinitialised(init.zeros_),
    "seeded between": seeded_between,
    "forked between": forked_between,
    "scaled": scaled,
    "looked at": looked_at,
    "with tables": with_tables,
    "handed over": handed_over,
    "no weights": lambda: nn.ReLU(),
}


@pytest.mark.parametrize("name", MODELS)
def test_weights_are_those_of_an_ordinary_constructor(name: str) -> None:
    torch.manual_seed(3)
    ordinary = MODELS[name]()
    drawn = torch.rand(3)
    torch.manual_seed(3)
    weights = LazyInit()
    with weights.postponed():
        late = MODELS[name]()
    weights.settle()
    assert torch.equal(torch.rand(3), drawn)
    expected, found = ordinary.state_dict(), late.state_dict()
    assert list(expected) == list(found)
    assert [key for key in expected if not torch.equal(expected[key], found[key])] == []


def test_nothing_is_drawn_that_is_never_read(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = LazyInit()
    with weights.postponed():
        model = resnet.resnet50()
    weights.keep_only_waiting_for(model)
    monkeypatch.setattr(weights, "settle", lambda: pytest.fail("it was read"))
    assert trace(model, (3, 64, 64), lazy_init=weights).num_parameters == 25_557_032


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (lambda: init.kaiming_uniform_(torch.empty(3)), "fewer than 2 dimensions"),
        (lambda: init.uniform_(torch.empty(3), 2, 1), r"\[from, to\)|from > to|uniform_"),
        (lambda: init.normal_(torch.empty(3), 0, -1), "normal"),
        (lambda: nn.Linear(3, 3).weight.uniform_(), "leaf Variable"),
    ],
)
def test_what_cannot_be_drawn_says_so_at_once(
    module: Callable[[], nn.Module], message: str
) -> None:
    with LazyInit().postponed(), pytest.raises((RuntimeError, ValueError), match=message):
        module()


NET = """\
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Linear(4, 4)
        self.second = nn.Linear(4, 4)

    def forward(self, x):
        x = self.first(x)
        return {forward}
"""
LOOKS = {
    "does not look": ("self.second(x)", 2),
    "looks at a weight": ("self.second(x) if self.second.weight[0, 0] > -0.2 else x", 2),
    "looks at a value": ("self.second(x) if x.sum() < 1e9 else x", 2),
    "writes a weight": ("self.second.weight.data.abs_().sum() * self.second(x)", 4),
}


@pytest.mark.parametrize("name", LOOKS)
def test_every_way_to_read_sees_true_values(name: str, tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text(NET.format(forward=LOOKS[name][0]))
    networks = []
    for late in (LazyInit(), None):
        way: dict[str, Any] = {} if late is None else {"construct": late.construct}
        with loaded(parse_reference(str(file)), {}, **way) as found:
            networks.append(trace(found.model, (4,), lazy_init=late, compute=late is None))
            values = found.model.state_dict()
            if late is not None:
                late.settle()
                settled = {key: value.clone() for key, value in values.items()}
    assert networks[0] == networks[1]
    assert all(torch.equal(settled[key], values[key]) for key in values)
    assert LOOKS[name][1] <= len(networks[0].ops)
