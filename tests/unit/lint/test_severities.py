"""What is shared or held apart on purpose weighs less."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archcheck.lint import LintOptions, all_lint_rules
from archcheck.lint.base import Fault
from archcheck.lint.linted import Linted
from tests.support.linting import passes


def severities(model: nn.Module, name: str) -> list[str]:
    rule = all_lint_rules()[name]
    found = rule.find(Linted(passes(model, (3, 8, 8))))
    return [LintOptions().severity_of(rule, each) for each in found if isinstance(each, Fault)]


class Held(nn.Module):
    """A layer in a plain list."""

    def __init__(self, *, trained: bool) -> None:
        super().__init__()
        self.layers = [nn.Conv2d(3, 3, 1).requires_grad_(trained)]

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.layers[0](x)
        return result


class Siamese(nn.Module):
    """An encoder for two views."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.encoder(x), self.encoder(x.flip(3))
        return F.cosine_similarity(first.flatten(1), second.flatten(1))


class Prenet(nn.Module):
    """It drops on purpose."""

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(x, 0.5, training=True)


def test_a_frozen_network_that_is_held_apart_is_no_error() -> None:
    assert severities(Held(trained=True), "unregistered-parameter") == ["error"]
    assert severities(Held(trained=False), "unregistered-parameter") == ["warning"]


def test_a_normalisation_in_an_encoder_of_several_inputs_only_informs() -> None:
    assert severities(Siamese(), "reused-batchnorm") == ["info"]
    assert severities(Siamese(), "accidental-sharing") == []


def test_a_dropout_that_is_said_to_be_on_only_informs() -> None:
    assert severities(Prenet(), "functional-dropout-always-on") == ["info"]


def test_a_part_without_gradients_is_one_finding() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.features = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))

        def forward(self, x: Tensor) -> Tensor:
            with torch.no_grad():
                result: Tensor = self.features(x)
            return result

    assert severities(Net(), "no-gradient-path") == ["warning"]
