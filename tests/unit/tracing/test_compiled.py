"""Networks that torch.compile has to do with are traced as if it had not."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

import archcheck
from archcheck import Network
from archcheck.tracing.remote import trace_reference
from archcheck.worker.reference import parse_reference

pytestmark = pytest.mark.slow

SHAPE = (3, 16, 16)
PLAIN = """
import torch
from torch import nn

{before}
def swish(x):
    return x * torch.sigmoid(x)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c = {part}
        self.d = nn.Conv2d(8, 8, 3, stride=2)
        {after}
    {forward}
    def forward(self, x):
        return self.d(swish(self.c(x)))
"""
PART = "nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU())"
WAYS = {
    "nothing": {},
    "a function": {"before": "@torch.compile"},
    "a module": {"part": f"torch.compile({PART})"},
    "a module in place": {"after": "self.c.compile()"},
    "forward": {"forward": "@torch.compile"},
}


def source(**changes: str) -> str:
    return PLAIN.format(**{"before": "", "part": PART, "after": "", "forward": "", **changes})


def seen(network: Network) -> tuple[list[str], object, int]:
    field = archcheck.receptive_field(network).at("features")
    weights = sum(weight.size for weight in network.parameters)
    return [op.kind for op in network.ops], (field.size, field.jump), weights


@pytest.mark.parametrize("way", WAYS)
def test_the_command_sees_the_plain_network(tmp_path: Path, way: str) -> None:
    file = tmp_path / "net.py"
    file.write_text(source(**WAYS[way]), "utf-8")
    network = trace_reference(parse_reference(f"{file}:Net"), [SHAPE])
    assert isinstance(network, Network), network
    assert seen(network) == (
        ["conv2d", "relu", "sigmoid", "mul", "conv2d"],
        ((5, 5), (2, 2)),
        3 * 8 * 9 + 8 + 8 * 8 * 9 + 8,
    )
    assert not network.notes


@pytest.mark.skipif(not hasattr(torch.compiler, "set_stance"), reason="torch is older than 2.6")
@pytest.mark.parametrize("way", WAYS)
def test_python_sees_the_plain_network(way: str) -> None:
    names: dict[str, type[nn.Module]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of hooks, and of its own old parts
        exec(source(**WAYS[way]), names)
        network = names["Net"]()
        traced = archcheck.trace(network, SHAPE)
    kinds, field, weights = seen(traced)
    assert kinds == ["conv2d", "relu", "sigmoid", "mul", "conv2d"]
    assert field == ((5, 5), (2, 2))
    assert weights == 3 * 8 * 9 + 8 + 8 * 8 * 9 + 8
    assert all(module.training for module in network.modules())
