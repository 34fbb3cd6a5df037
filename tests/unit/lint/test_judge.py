"""What a lint tells of the findings and of the passes that did not run."""

from __future__ import annotations

import pytest
from torch import Tensor, nn

from archcheck.evidence import NotRun, Passes
from archcheck.lint import LintOptions
from archcheck.lint.judge import asides_of
from archcheck.lint.linted import Linted
from archcheck.network import Place
from tests.support.linting import passes


class Heads(nn.Module):
    """Several heads on one pool of features that are not seen whole."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.heads = nn.ModuleList(nn.Linear(8, 4) for _ in range(number))

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.conv(x).relu().mean((2, 3))
        return [head(x) for head in self.heads]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_finding_of_several_outputs_is_told_once(number: int) -> None:
    linted = Linted(passes(Heads(number), (3, 16, 16)))
    select = ("receptive-field-smaller-than-input",)
    (aside,) = asides_of(linted, LintOptions(select=select))
    assert aside.verdict.message.endswith("along the height and the width")


@pytest.mark.parametrize("reason", ["forward raised (net.py:9): no", "forward did not return"])
def test_a_pass_that_did_not_run_is_told_with_its_line_once(reason: str) -> None:
    ran = passes(Heads(1), (3, 16, 16))
    no_pass = NotRun(reason, Place("net.py", 9), named="net.py" in reason)
    stopped = Passes(ran.single, ran.several, no_pass)
    (remark,) = stopped.missing
    assert str(remark).count("net.py:9") == 1
