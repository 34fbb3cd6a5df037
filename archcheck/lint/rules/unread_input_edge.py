"""``unread-input-edge``: rows or columns at the edge of a map that no window reads."""

from __future__ import annotations

from collections.abc import Sequence

from archcheck.fields.algebra.positions import Positions
from archcheck.lint.base import Findings, LintRule, Sample, fault_of, register
from archcheck.lint.linted import Linted
from archcheck.lint.sliding import input_of, stride_text
from archcheck.network.kinds import CONVOLUTIONS, FIXED_AVERAGE_POOLS, FIXED_POOLS
from archcheck.phrases import how_many, size_text

_WINDOWS = CONVOLUTIONS | FIXED_POOLS


@register
class UnreadInputEdge(LintRule):
    """
    ## What it finds
    A convolution or pool whose last window ends in front of the edge of its input, because the
    side does not divide by the stride, where nothing else reads the rows or columns left over.

    ## Why it matters
    What they hold has no effect, and the map is no longer centred on the image. The number of
    outputs is rounded down (Dumoulin and Visin, 1603.07285, section 2.4).

    ## Example
    ```python
    nn.MaxPool2d(2)  # over a map of 7x7: the last row and the last column are not read
    ```

    ## When to ignore it
    Mostly: many known networks lose a row or a column at some size of the input.
    """

    name = "unread-input-edge"
    severity = "info"
    summary = "Rows or columns at the edge of a map are not read."
    faulty = (
        Sample("nn.MaxPool2d(2)  # <-", (3, 7, 7)),
        Sample("nn.Conv2d(3, 8, 3, stride=2)  # <-"),
        Sample("nn.Conv1d(3, 8, 16, stride=16)  # <-", (3, 100)),
        Sample("nn.Sequential(nn.AvgPool3d((1, 2, 2)), nn.Conv3d(3, 3, 2))  # <-", (3, 4, 4, 5)),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(8, 3, 4, 4))

    def forward(self, x):
        return F.conv2d(x.relu(), self.weight, stride=4)  # <-
""",
            (3, 30, 32),
        ),
    )
    sound = (
        Sample("nn.MaxPool2d(2)", (3, 8, 8)),
        Sample("nn.MaxPool2d(2, ceil_mode=True)", (3, 7, 7)),
        Sample("nn.Conv2d(3, 8, 3, stride=2, padding=1)"),
        Sample("nn.Conv2d(3, 8, 3, stride=2)", (3, 33, 33)),
        Sample("nn.Conv2d(3, 8, 1, stride=2)"),
        Sample("nn.Conv3d(3, 8, 3)", (3, 4, 4, 4)),
        Sample(
            """
class Net(nn.Module):
    def forward(self, x):
        return F.max_pool2d(x, 2), x.mean((2, 3))
""",
            (3, 7, 7),
        ),
        Sample("nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.MaxPool2d(2))", (3, 7, 7)),
        Sample("nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.MaxPool2d(2))", (3, 8, 8)),
        Sample("nn.Sequential(nn.ReflectionPad2d(1), nn.AvgPool2d(3, 2))", (3, 8, 8)),
    )

    def find(self, linted: Linted) -> Findings:
        for op, sides in linted.sliding(_WINDOWS):
            short = [side for side in sides if side.read.size < side.size]
            if not short or any(side.steps_over for side in sides):
                continue
            one = all(side.outputs == 1 for side in sides)
            if one and op.kind in FIXED_AVERAGE_POOLS and op.index in linted.heads:
                continue  # a global pool that is not global is told of by another rule
            read = linted.readers.of(input_of(op))
            live = linted.non_zeros.of(input_of(op))
            left = [_beyond(live[side.dimension], read[side.dimension]) for side in sides]
            if any(left) and not linted.readers.all_read(linted.readers.root(input_of(op))):
                yield fault_of(
                    op,
                    f"{stride_text(sides)} over a map of "
                    f"{size_text(side.size for side in sides)} ends in front of its edge: nothing "
                    f"reads {_lines(left)}",
                    "pad the map, or take an input whose sides divide",
                )


def _lines(left: Sequence[int]) -> str:
    """What is left over on each axis, in words: ``the last row and the last 2 columns``."""
    names = ("slice", "row", "column")[-len(left) :] if len(left) > 1 else ("position",)
    named = [(number, name) for number, name in zip(left, names, strict=True) if number]
    return " and ".join(
        f"the last {name if number == 1 else how_many(number, name)}" for number, name in named
    )


def _beyond(live: Positions, read: Positions) -> int:
    """How many positions that hold something lie behind the last one that is read."""
    return sum(position > read.high for position in live.members()) if read else 0
