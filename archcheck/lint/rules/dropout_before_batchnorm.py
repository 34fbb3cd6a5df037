"""``dropout-before-batchnorm``: a batch normalisation of what dropout has changed."""

from __future__ import annotations

from archcheck.lint.base import Findings, LintRule, Sample, fault_of, register
from archcheck.lint.chains import RESHAPES, maker, name_of
from archcheck.lint.dropouts import dropout_rate
from archcheck.lint.linted import Linted
from archcheck.network import kinds

_THROUGH = RESHAPES | kinds.POOLS | (kinds.ACTIVATIONS & kinds.ELEMENTWISE)


@register
class DropoutBeforeBatchnorm(LintRule):
    """
    ## What it finds
    A dropout whose result goes to a batch normalisation, with nothing but activations and pools
    between them.

    ## Why it matters
    Dropout makes the variance of its result larger in training than it is in evaluation. The
    normalisation keeps that of training and divides by it in evaluation (Li et al., "Understanding
    the Disharmony between Dropout and Batch Normalization by Variance Shift", 2018).

    ## Example
    ```python
    nn.Sequential(nn.Conv2d(3, 8, 3), nn.Dropout(0.3), nn.BatchNorm2d(8))
    ```

    ## When to ignore it
    Where the rate is so small that the shift was measured to do no harm.
    """

    name = "dropout-before-batchnorm"
    severity = "warning"
    summary = "A batch normalisation learns a variance that dropout has changed."
    faulty = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.drop = nn.Dropout(0.3)  # <-
        self.norm = nn.BatchNorm2d(8)

    def forward(self, x):
        return self.norm(self.drop(self.conv(x)).relu())
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(3072)

    def forward(self, x):
        x = F.dropout2d(x, 0.1, self.training)  # <-
        return self.norm(x.flatten(1))
"""
        ),
    )
    sound = (
        Sample("nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(0.3), nn.Conv2d(3, 8, 3))"),
        Sample("nn.Sequential(nn.Conv2d(3, 8, 3), nn.Dropout(0.0), nn.BatchNorm2d(8))"),
        Sample("nn.Sequential(nn.Conv2d(3, 8, 3), nn.Dropout(0.3), nn.GroupNorm(2, 8))"),
        Sample("nn.Sequential(nn.Dropout(0.3), nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))"),
    )

    def find(self, linted: Linted) -> Findings:
        network = linted.network
        seen = set()
        for norm in network.ops:
            drop = maker(network, norm.inputs[0], _THROUGH) if norm.kind == "batch_norm" else None
            if drop is None or drop.kind not in kinds.DROPOUTS or drop.index in seen:
                continue
            seen.add(drop.index)
            rate = dropout_rate(drop)
            if rate:
                yield fault_of(
                    drop,
                    f"dropout of {rate:g} in front of {name_of(norm)}, which learns the variance "
                    "of training and meets another one in evaluation",
                    f"move it behind {name_of(norm)}",
                )
