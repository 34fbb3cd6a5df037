"""``no-gradient-path`` finds something where a parameter really has no gradient, and only there."""

from __future__ import annotations

from pathlib import Path
from runpy import run_path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from archcheck.lint.base import Sample
from archcheck.lint.linted import Linted
from archcheck.lint.rules.no_gradient_path import NoGradientPath
from tests.support.linting import passes, source_of

CUTS = {
    "detach": "x.detach()",
    "data": "x.data",
    "round": "x.round() * x.sign()",
    "comparison": "(x > 0).float()",
    "argmax": "x.argmax(1, keepdim=True).float()",
    "copy": "torch.tensor(x)",
    "nothing": "x",
    "partly": "x * x.detach()",
    "straight through": "x + (x.round() - x).detach()",
    "where": "torch.where(x > 0, x, 0.0)",
    "largest": "x.max(1, keepdim=True).values",
    "written": "torch.zeros_like(x).copy_(x)",
    "stored": "torch.zeros(1, 4, 6, 6).index_copy(0, torch.arange(1), x[:1])",
}
NETWORK = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 4, 3), nn.Parameter(torch.ones(4, 1, 1))

    def forward(self, x):
        x = self.first(x)
        return ({cut}) * self.last
"""
SAMPLES = [*NoGradientPath.faulty, *NoGradientPath.sound]


def without_gradient(model: Any) -> set[str]:
    """The parameters whose gradients are missing or zero."""
    model.train()
    result = model(torch.randn(2, 3, 8, 8))
    results = [*(result if isinstance(result, tuple) else [result]), getattr(model, "loss", None)]
    found = [each for each in results if isinstance(each, Tensor) and each.requires_grad]
    if found:
        torch.autograd.backward([each.square().sum() for each in found])
    parameters: list[tuple[str, nn.Parameter]] = list(model.named_parameters())
    asking = [(name, each.grad) for name, each in parameters if each.requires_grad]
    return {name for name, gradient in asking if gradient is None or not gradient.any()}


def agrees(sample: Sample, folder: Path) -> bool:
    file = folder / "net.py"
    file.write_text(source_of(sample))
    model = run_path(str(file))["Net"]()
    found = list(NoGradientPath().find(Linted(passes(model, (3, 8, 8)))))
    torch.manual_seed(0)
    return bool(found) == bool(without_gradient(model))


@pytest.mark.parametrize("number", range(len(SAMPLES)))
def test_its_samples_agree_with_backward(number: int, tmp_path: Path) -> None:
    assert agrees(SAMPLES[number], tmp_path)


@pytest.mark.filterwarnings("ignore:To copy construct from a tensor")
@pytest.mark.parametrize("name", CUTS)
def test_what_cuts_and_what_does_not_agrees_with_backward(name: str, tmp_path: Path) -> None:
    assert agrees(Sample(NETWORK.format(cut=CUTS[name])), tmp_path)
