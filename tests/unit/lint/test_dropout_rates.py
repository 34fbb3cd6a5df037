"""Dropouts whose rate is a tensor."""

from __future__ import annotations

from pathlib import Path

import pytest

from archcheck.lint import all_lint_rules
from archcheck.lint.base import Sample
from tests.support.linting import found_in

NETWORK = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(8)
        self.register_buffer("rate", torch.tensor(0.9))

    def forward(self, x):
        return self.norm(F.dropout(x, self.rate, self.training))
"""


@pytest.mark.parametrize("rule", ["high-dropout", "dropout-before-batchnorm"])
def test_a_rate_that_a_tensor_holds_is_not_known(rule: str, tmp_path: Path) -> None:
    assert list(found_in(Sample(NETWORK, input=(8,)), all_lint_rules()[rule], tmp_path)) == []
