"""``partial-global-pool``: an average pool at the head that leaves rows or columns out."""

from __future__ import annotations

from math import prod

from archcheck.lint.base import Findings, LintRule, Sample, fault_of, register
from archcheck.lint.linted import Linted
from archcheck.lint.sliding import input_of
from archcheck.network.kinds import FIXED_AVERAGE_POOLS
from archcheck.phrases import how_many, size_text


@register
class PartialGlobalPool(LintRule):
    """
    ## What it finds
    An average pool at the head that leaves a single position of a map whose larger part it reads,
    while nothing reads the rest: the last rows or columns.

    ## Why it matters
    It was meant to be global, and is so for another size of the input alone. What the rows left
    out hold has no effect, and features at one border weigh more than at the other (Lin et al.,
    1312.4400, section 3.2, on global pools).

    ## Example
    ```python
    nn.AvgPool2d(5)  # over a map of 6x6: one row and one column are left out
    ```

    ## When to ignore it
    Where the border of the map is cut off on purpose.
    """

    name = "partial-global-pool"
    severity = "warning"
    summary = "An average pool at the head leaves rows or columns out."
    faulty = (
        Sample("nn.Sequential(nn.AvgPool2d(5), nn.Flatten(), nn.Linear(3, 10))  # <-", (3, 6, 6)),
        Sample("nn.Sequential(nn.AvgPool1d(8), nn.Flatten())  # <-", (3, 11)),
        Sample("nn.Sequential(nn.AvgPool3d((2, 4, 4)), nn.Flatten())  # <-", (3, 3, 4, 4)),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.ReLU())
        self.classify = nn.Conv2d(8, 10, 1)

    def forward(self, x):
        x = F.avg_pool2d(self.features(x), 14)  # <-
        return self.classify(x).view(-1, 10)
"""
        ),
    )
    sound = (
        Sample("nn.Sequential(nn.AvgPool2d(6), nn.Flatten())", (3, 6, 6)),
        Sample("nn.Sequential(nn.AvgPool2d(2), nn.Flatten())", (3, 6, 6)),
        Sample("nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())", (3, 6, 6)),
        Sample("nn.Sequential(nn.AvgPool2d(5, stride=1), nn.Flatten())", (3, 6, 6)),
        Sample("nn.Sequential(nn.AvgPool2d((6, 1)), nn.Flatten())", (3, 6, 6)),
        Sample("nn.Sequential(nn.MaxPool2d(5), nn.Flatten())", (3, 6, 6)),
        Sample("nn.Sequential(nn.AvgPool2d(7, padding=3, stride=9), nn.Flatten())", (3, 4, 4)),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        small = F.avg_pool2d(x, 2)
        return x + F.interpolate(self.down(F.pad(small, (1, 1, 1, 1))).mean(1, True), (3, 3))
""",
            (3, 3, 3),
        ),
    )

    def find(self, linted: Linted) -> Findings:
        for op, sides in linted.sliding(FIXED_AVERAGE_POOLS):
            partial = any(side.read.count < side.size for side in sides)
            whole = all(side.outputs == 1 and 2 * side.kernel > side.size for side in sides)
            if partial and whole and op.index in linted.heads:
                read = linted.readers.of(input_of(op))[-len(sides) :]
                total = prod(side.size for side in sides)
                left = total - prod(positions.count for positions in read)
                if left:
                    size = size_text(side.size for side in sides)
                    yield fault_of(
                        op,
                        f"an average pool of {size_text(side.kernel for side in sides)} over a map "
                        f"of {size} is not global: it leaves {left} of "
                        f"{how_many(total, 'position')} out",
                        f"an adaptive pool to one position, or a kernel of {size}",
                    )
