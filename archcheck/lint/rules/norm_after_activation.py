"""``norm-after-activation``: a batch normalisation behind a ReLU."""

from __future__ import annotations

from archcheck.lint.base import Findings, LintRule, Sample, fault_of, register
from archcheck.lint.chains import maker, name_of
from archcheck.lint.linted import Linted
from archcheck.network import kinds


@register
class NormAfterActivation(LintRule):
    """
    ## What it finds
    A batch normalisation that reads what a ReLU has made.

    ## Why it matters
    It was published for the sums in front of activations (Ioffe and Szegedy, 2015). Behind a ReLU,
    the mean of what is half zero is subtracted, and nothing that is returned is zero any more.
    Both orders train; few networks mean to mix them.

    ## Example
    ```python
    nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.BatchNorm2d(8))
    ```

    ## When to ignore it
    Where the order is chosen.
    """

    name = "norm-after-activation"
    severity = "info"
    summary = "A batch normalisation stands behind the activation."
    faulty = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 3),
            nn.ReLU(),
            nn.BatchNorm2d(8),  # <-
        )

    def forward(self, x):
        return self.layers(x)
"""
        ),
    )
    sound = (
        Sample("nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())"),
        Sample("nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.GroupNorm(2, 8))"),
    )

    def find(self, linted: Linted) -> Findings:
        network = linted.network
        for op in network.ops:
            first = maker(network, op.inputs[0]) if op.kind == "batch_norm" else None
            if first is not None and first.kind in kinds.ACTIVATIONS:
                yield fault_of(
                    op,
                    f"it normalises what {name_of(first)} ({first.kind}) has made",
                    f"put it in front of {name_of(first)}",
                )
