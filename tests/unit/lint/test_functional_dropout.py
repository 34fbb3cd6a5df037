"""What a dropout in evaluation means: a fault, or what its author says."""

from __future__ import annotations

from pathlib import Path

import pytest

from archcheck.lint import all_lint_rules
from archcheck.lint.base import Fault, Sample
from tests.support.linting import found_in

RULE = all_lint_rules()["functional-dropout-always-on"]
NETWORK = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        return self.fc({call})
"""


@pytest.mark.parametrize(
    ("call", "severity"),
    [
        ("F.dropout(x)", "error"),
        ("F.dropout(x, 0.3)", "error"),
        ("F.dropout(x, p=0.3)", "error"),
        ("F.dropout(x, 0.3, training=True)", "info"),
        ("F.dropout(x, 0.3, True)", "info"),
        ("F.dropout1d(x, training=True)", "info"),
    ],
)
def test_training_that_is_written_out_only_informs(
    call: str, severity: str, tmp_path: Path
) -> None:
    (found,) = found_in(Sample(NETWORK.format(call=call), input=(3, 8)), RULE, tmp_path)
    assert isinstance(found, Fault)
    assert found.severity == severity
