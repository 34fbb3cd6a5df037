"""``high-dropout``: a dropout that leaves little."""

from __future__ import annotations

from archcheck.lint.base import Findings, LintRule, Sample, fault_of, register
from archcheck.lint.dropouts import dropout_rate
from archcheck.lint.linted import Linted
from archcheck.network import kinds


@register
class HighDropout(LintRule):
    """
    ## What it finds
    A dropout of more than 65 % of its values.

    ## Why it matters
    Rates of 0.1 to 0.5 are usual (Srivastava et al., 2014); one above may be the rate of what is
    kept, as other libraries have it.

    ## Example
    ```python
    nn.Dropout(0.9)
    ```

    ## When to ignore it
    Where the rate was measured to do well.
    """

    name = "high-dropout"
    severity = "info"
    summary = "A dropout leaves less than a third of its values."
    faulty = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Dropout(0.8),  # <-
            nn.Conv2d(3, 8, 3),
        )

    def forward(self, x):
        return self.layers(x)
"""
        ),
    )
    sound = (Sample("nn.Sequential(nn.Dropout(0.5), nn.Conv2d(3, 8, 3))"),)

    def find(self, linted: Linted) -> Findings:
        for op in linted.network.ops:
            rate = dropout_rate(op) if op.kind in kinds.DROPOUTS else None
            if rate is not None and rate > 0.65:
                yield fault_of(op, f"it drops {rate:.0%} of its values")
