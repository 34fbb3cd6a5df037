"""How the operation is named that makes an output which its loss does not take."""

from __future__ import annotations

import pytest
from torch import Tensor, nn

from archcheck.lint.base import Fault
from archcheck.lint.linted import Linted
from archcheck.lint.rules.activation_on_output import ActivationOnOutput
from tests.support.linting import passes


class Called(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.head(x)
        return scores.softmax(1)


@pytest.mark.parametrize(
    ("model", "loss", "made"),
    [
        (Called(), "cross-entropy", "the output is what softmax gives, and"),
        (
            nn.Sequential(nn.Linear(8, 4), nn.Softmax(1)),
            "cross-entropy",
            "is the softmax of 1, and",
        ),
        (nn.Sequential(nn.Linear(8, 4)), "bce", "the output is the scores of 0, and"),
    ],
)
def test_what_makes_an_output_is_named_once(model: nn.Module, loss: str, made: str) -> None:
    (fault,) = ActivationOnOutput().find(Linted(passes(model, (8,)), loss))
    assert isinstance(fault, Fault)
    assert made in fault.message
