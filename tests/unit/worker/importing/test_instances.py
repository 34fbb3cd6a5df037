"""Instances that a training script makes into other networks than their class."""

from __future__ import annotations

from pathlib import Path

import pytest

from archcheck.worker.failures import ImportFailure
from archcheck.worker.loading import loaded
from archcheck.worker.reference import parse_reference

FILE = """\
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
        self.head = nn.Conv2d(4, 2, 1)

    def forward(self, x):
        return self.head(self.body(x))

model = Net()
"""
TRAINS = "model(torch.zeros(1, 3, 8, 8)).mean().backward()\n"
CHANGES = {
    "a layer": "model.head = nn.Conv2d(4, 5, 1)",
    "a part of it": "model.body = model.body[:1]",
    "an element": "model.body[1] = nn.Sigmoid()",
    "an attribute of a layer": "model.body[0].stride = (2, 2)",
    "a layer more": "model.body.append(nn.ReLU())",
    "a layer more by name": "model.body.add_module('last', nn.ReLU())",
    "a layer less": "del model.body[1]",
    "its forward": "model.forward = model.body.forward",
    "a layer in a condition": "if torch.cuda.is_available() or input():\n    model.head = None",
}


def head(folder: Path, rest: str, name: str = "") -> int:
    file = folder / "net.py"
    file.write_text(f"{FILE}{rest}\n{TRAINS}", encoding="utf-8")
    with loaded(parse_reference(f"{file}{name}"), {}) as found:
        return int(found.model.head.out_channels)  # type: ignore[union-attr, arg-type]


@pytest.mark.parametrize("rest", CHANGES.values(), ids=CHANGES)
def test_an_instance_that_is_changed_where_it_is_not_named_is_not_verified(
    rest: str, tmp_path: Path
) -> None:
    line = 15 if rest.startswith("if") else 14
    with pytest.raises(ImportFailure, match=f"^line {line} changes model, an instance of Net, "):
        head(tmp_path, rest)


def test_a_class_that_is_named_is_meant_as_it_is(tmp_path: Path) -> None:
    assert head(tmp_path, CHANGES["a layer"], ":Net") == 2


HARMLESS = {
    "a name": "model.name = 'net'",
    "weights": "model.body[0].weight.data = torch.zeros(4, 3, 3, 3)\nmodel.head.bias.data[0] = 3",
    "frozen weights": "for p in model.body.parameters():\n    p.requires_grad = False",
    "its way": "model.train()\nmodel.head.training = False",
    "another list": "losses = []\nlosses.append(3)",
}


@pytest.mark.parametrize("rest", HARMLESS.values(), ids=HARMLESS)
def test_what_leaves_the_layers_of_an_instance_alone_is_verified(rest: str, tmp_path: Path) -> None:
    assert head(tmp_path, rest) == 2
