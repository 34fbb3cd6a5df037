"""``padding-only-output``: output positions of a convolution that read nothing but padding."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from archcheck.fields.algebra.positions import Positions
from archcheck.lint.base import Fault, Findings, LintRule, Sample, fault_of, register
from archcheck.lint.linted import Linted
from archcheck.lint.sliding import Slide, input_of, reach_text
from archcheck.network import Op
from archcheck.network.kinds import CONVOLUTIONS
from archcheck.phrases import how_many, size_text


@register
class PaddingOnlyOutput(LintRule):
    """
    ## What it finds
    A convolution at some of whose output positions all taps of the kernel meet padding: that of
    the layer, or that of `F.pad` and the like in front of it. What is cut off again behind the
    layer does not count.

    ## Why it matters
    Whatever the image, these positions hold the bias. Mostly padding was chosen for a dilation or a
    kernel that the layer does not have: Detectron once passed the dilation to the padding alone
    (facebookresearch/Detectron#388), so that maps kept growing and the field did not.

    ## Example
    ```python
    nn.Conv2d(64, 64, 3, padding=6)  # dilation=6 was forgotten
    ```

    ## When to ignore it
    Where a map is made larger on purpose and the frame is filled later.
    """

    name = "padding-only-output"
    severity = "warning"
    summary = "Output positions read nothing but padding."
    faulty = (
        Sample("nn.Conv2d(3, 4, 3, padding=6)  # <-"),
        Sample("nn.Conv2d(3, 4, 1, padding=1)  # <-"),
        Sample("nn.Conv2d(3, 4, (3, 1), padding=(1, 1))  # <-"),
        Sample("nn.Conv1d(3, 4, 2, padding=2)  # <-", (3, 10)),
        Sample("nn.Conv1d(3, 4, 1, stride=2, padding=2)  # <-", (3, 10)),
        Sample("nn.Conv3d(3, 4, (1, 3, 3), padding=1)  # <-", (3, 4, 4, 4)),
        Sample("nn.Conv2d(3, 4, 3, dilation=9, padding=11)  # <-", (3, 8, 8)),
        Sample("nn.Sequential(nn.ZeroPad2d(3), nn.ReLU(), nn.Conv2d(3, 4, 3))  # <-"),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(4, 3, 3, 3))

    def forward(self, x):
        x = F.conv2d(x, self.kernel, padding=4)  # <-
        return F.max_pool2d(F.relu(x), 2)
"""
        ),
    )
    sound = (
        Sample("nn.Conv2d(3, 4, 3, padding=1)"),
        Sample("nn.Conv2d(3, 4, 3, padding=2)"),
        Sample("nn.Conv2d(3, 4, 3, padding=6, dilation=6)"),
        Sample("nn.Conv2d(3, 4, 1)"),
        Sample("nn.Conv2d(3, 4, 4, padding='same', dilation=3)"),
        Sample("nn.Conv1d(3, 4, 1, stride=4)", (3, 11)),
        Sample("nn.Conv3d(3, 4, 3, padding=2)", (3, 4, 4, 4)),
        Sample("nn.Conv2d(3, 4, 3, padding=6, padding_mode='reflect')"),
        Sample("nn.ConvTranspose2d(3, 4, 3, stride=2, padding=1)"),
        Sample("nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(3, 4, 3))"),
        Sample("nn.Sequential(nn.ConstantPad2d(3, 1.0), nn.Conv2d(3, 4, 3))"),
        Sample("nn.Sequential(nn.ZeroPad2d((6, 0, 0, 0)), nn.Conv2d(3, 4, (1, 3), dilation=3))"),
        Sample("nn.Sequential(nn.ZeroPad2d(3), nn.Conv2d(3, 4, 7))"),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(3, 4, 3, padding=4)
        self.norm = nn.BatchNorm1d(4)

    def forward(self, x):
        return self.norm(self.conv(x)).relu()[:, :, 2:-2]
""",
            (3, 16),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1, padding=1)

    def forward(self, x):
        return F.pad(self.conv(x), (-1, -1, -1, -1))
"""
        ),
    )

    def find(self, linted: Linted) -> Findings:
        for op, sides in linted.sliding(CONVOLUTIONS):
            live = linted.non_zeros.of(input_of(op))
            meeting = [side.meeting(live[side.dimension]) for side in sides]
            if any(p.count < side.outputs for p, side in zip(meeting, sides, strict=True)):
                yield from _faults(linted, op, sides, meeting)


def _faults(
    linted: Linted, op: Op, sides: Sequence[Slide], meeting: Sequence[Positions]
) -> list[Fault]:
    """The fault of a convolution, if outputs that meet nothing are read."""
    read = linted.readers.of(op.outputs[0])[-len(sides) :]
    outputs = prod(positions.count for positions in read)
    empty = outputs - prod((a & b).count for a, b in zip(read, meeting, strict=True))
    if not empty:
        return []
    message = (
        f"{reach_text(sides)} with padding {_padding(sides)} meets nothing "
        f"but padding at {empty:,} of {how_many(outputs, 'output position')}, whatever the input"
    )
    return [fault_of(op, message, _remedy(sides))]


def _padding(sides: Sequence[Slide]) -> str:
    return size_text(side.before for side in sides)


def _remedy(sides: Sequence[Slide]) -> str:
    """What fits the padding: a dilation where there is one, else less padding."""
    fitting = [
        side.before * 2 // (side.kernel - 1)
        for side in sides
        if side.kernel > 1 and side.before and not side.before * 2 % (side.kernel - 1)
    ]
    if len(fitting) == len(sides) and all(side.dilation == 1 for side in sides):
        return f"the padding fits a dilation of {size_text(fitting)}; the layer has none"
    same = size_text(side.dilation * (side.kernel - 1) // 2 for side in sides)
    return f"a padding of {same} keeps the size of the map"
