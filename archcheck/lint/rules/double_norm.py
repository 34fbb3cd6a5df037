"""``double-norm``: a normalisation of what a normalisation has made."""

from __future__ import annotations

from archcheck.lint.base import Findings, LintRule, Sample, fault_of, register
from archcheck.lint.chains import RESHAPES, maker, name_of
from archcheck.lint.linted import Linted
from archcheck.network import kinds


@register
class DoubleNorm(LintRule):
    """
    ## What it finds
    A normalisation whose operand comes from a normalisation of the same kind, with nothing but
    dropout between them.

    ## Why it matters
    The second one takes away what little the first has left over, and the scale and shift of the
    first with it: a layer between them, or its call, was forgotten.

    ## Example
    ```python
    nn.Sequential(nn.BatchNorm2d(8), nn.BatchNorm2d(8))
    ```

    ## When to ignore it
    Where the parts are used as they are, and the second costs too little to matter.
    """

    name = "double-norm"
    severity = "info"
    summary = "A normalisation of what a normalisation has made."
    faulty = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.BatchNorm2d(3),
            nn.BatchNorm2d(3),  # <-
        )

    def forward(self, x):
        return self.layers(x)
"""
        ),
    )
    sound = (
        Sample("nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))"),
        Sample("nn.Sequential(nn.BatchNorm2d(3), nn.ReLU(), nn.BatchNorm2d(3))"),
    )

    def find(self, linted: Linted) -> Findings:
        network = linted.network
        for op in network.ops:
            if op.kind not in kinds.NORMALIZATIONS:
                continue
            first = maker(network, op.inputs[0], RESHAPES | kinds.DROPOUTS)
            if first is not None and first.kind == op.kind:
                yield fault_of(
                    op,
                    f"{op.kind} of what {name_of(first)} has normalised",
                    "leave one of them out, or call the layer that belongs between them",
                )
