"""``stride-exceeds-kernel``: strides that step over positions that nothing else reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

from archcheck.lint.base import Fault, Findings, LintRule, Sample, fault_of, register
from archcheck.lint.linted import Linted
from archcheck.lint.sliding import Slide, input_of, stride_text
from archcheck.network import Network, Op
from archcheck.network.kinds import CONVOLUTIONS, FIXED_POOLS
from archcheck.phrases import how_many, size_text

_WINDOWS = CONVOLUTIONS | FIXED_POOLS


@register
class StrideExceedsKernel(LintRule):
    """
    ## What it finds
    A convolution or pool whose stride steps over positions of its input, which nothing else reads
    either: no other branch, and no branch of what the input was made of position by position. So
    the shortcut of a residual block, a 1x1 convolution with a stride of 2, is sound where the block
    beside it reads all positions.

    ## Why it matters
    What was computed at these positions is thrown away: of a 1x1 convolution with a stride of 2,
    three quarters. The ResNets of 2015 did so; with the stride in the 3x3 convolution, or an
    average pool in front, they are more accurate (He et al., 1812.01187, section 4).

    ## Example
    ```python
    nn.Conv2d(64, 128, 1, stride=2)
    ```

    ## When to ignore it
    Where a map is thinned out on purpose, and weights that were trained so have to fit.
    """

    name = "stride-exceeds-kernel"
    severity = "warning"
    summary = "A stride steps over positions that nothing reads."
    faulty = (
        Sample("nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 1, stride=2))  # <-"),
        Sample("nn.MaxPool2d(1, stride=2)  # <-"),
        Sample("nn.AvgPool1d(2, stride=3)  # <-", (3, 30)),
        Sample("nn.Conv1d(3, 8, 3, stride=4)  # <-", (3, 30)),
        Sample("nn.Conv2d(3, 8, (3, 1), stride=2, padding=(1, 0))  # <-"),
        Sample("nn.Conv3d(3, 8, (1, 3, 3), stride=2)  # <-", (3, 8, 8, 8)),
        Sample("nn.Conv2d(3, 8, 2, stride=2, dilation=2)  # <-"),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(8, 3, 1, 1))

    def forward(self, x):
        return F.conv2d(x, self.weight, stride=2).relu()  # <-
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.reduce = nn.Conv2d(8, 4, 1, stride=2)  # <-
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.expand = nn.Conv2d(4, 16, 1)
        self.shortcut = nn.Sequential(nn.Conv2d(8, 16, 1, stride=2), nn.BatchNorm2d(16))

    def forward(self, x):
        x = self.stem(x).relu()
        y = self.expand(self.conv(self.reduce(x).relu()).relu())
        return y + self.shortcut(x)
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.left = nn.Conv2d(3, 16, 1, stride=2)  # <-
        self.right = nn.Conv2d(3, 16, 1, stride=2)  # <-
        self.norm = nn.BatchNorm2d(16)

    def forward(self, x):
        return self.left(x) + self.norm(self.right(x))
"""
        ),
    )
    sound = (
        Sample("nn.Conv2d(3, 8, 2, stride=2)"),
        Sample("nn.Conv2d(3, 8, 3, stride=2)"),
        Sample("nn.MaxPool2d(2)"),
        Sample("nn.Conv2d(3, 8, 3, stride=3, padding=1)"),
        Sample("nn.Conv1d(3, 8, 3, stride=2, dilation=3)", (3, 30)),
        Sample("nn.Conv2d(3, 8, (1, 3), stride=(1, 2))"),
        Sample("nn.ConvTranspose2d(3, 8, 1, stride=2)"),
        Sample("nn.AvgPool2d(7, stride=8)", (3, 7, 7)),
        Sample("nn.Conv2d(3, 8, 1, stride=2)", (3, 1, 1)),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.conv = nn.Conv2d(8, 16, 3, stride=2, padding=1)
        self.shortcut = nn.Sequential(nn.Conv2d(8, 16, 1, stride=2), nn.BatchNorm2d(16))

    def forward(self, x):
        x = self.stem(x).relu()
        return self.conv(x) + self.shortcut(x)
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.conv = nn.Conv2d(8, 16, 3, stride=2, padding=1)
        self.shortcut = nn.Conv2d(8, 16, 1, stride=2)

    def forward(self, x):
        x = self.stem(x)
        return self.shortcut(x.relu()) + self.conv(self.norm(x).relu())
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.even = nn.Conv1d(3, 8, 1, stride=2)
        self.odd = nn.Conv1d(3, 8, 1, stride=2)

    def forward(self, x):
        return self.even(x) + self.odd(x.roll(-1, 2))
""",
            (3, 16),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)

    def forward(self, x):
        x = self.conv(x)
        return x, F.max_pool2d(x, 1, 2)
"""
        ),
    )

    def find(self, linted: Linted) -> Findings:
        for op, sides in linted.sliding(_WINDOWS):
            if any(side.steps_over for side in sides):
                yield from _faults(linted, op, sides)


def _faults(linted: Linted, op: Op, sides: Sequence[Slide]) -> Iterator[Fault]:
    """The fault of an operation, if nothing else reads what it steps over."""
    tensor = input_of(op)
    root = linted.readers.of(linted.readers.root(tensor))
    if all(positions.count == positions.size for positions in root):
        return
    if _is_shortcut(linted, op, tensor):
        return
    total = prod(side.size for side in sides)
    read = linted.readers.of(tensor)[-len(sides) :]
    lost = total - prod(positions.count for positions in read)
    dilated = any(side.dilation > 1 for side in sides)
    dilation = f" and a dilation of {size_text(s.dilation for s in sides)}" if dilated else ""
    yield fault_of(
        op,
        f"{stride_text(sides)}{dilation} reads "
        f"{size_text(side.read.count for side in sides)} of {size_text(s.size for s in sides)} "
        f"positions; nothing reads {lost:,} of the {how_many(total, 'position')}",
        "take a kernel that is as large as the stride, stride in a convolution that is, or pool "
        "in front of it",
    )


def _is_shortcut(linted: Linted, op: Op, tensor: int) -> bool:
    """Whether a convolution only takes its input to the sum at the end of a block in which other
    layers work on it: these are told of."""
    others = (each for each in linted.readers.behind(tensor) if each.index != op.index)
    ends = _ends_in_sum(linted.network, op)
    return ends and not all(_ends_in_sum(linted.network, other) for other in others)


def _ends_in_sum(network: Network, op: Op) -> bool:
    behind = network.consumers.get(op.outputs[0], ())
    while len(behind) == 1 and behind[0].kind == "batch_norm":
        behind = network.consumers.get(behind[0].outputs[0], ())
    return len(behind) == 1 and behind[0].kind == "add"
