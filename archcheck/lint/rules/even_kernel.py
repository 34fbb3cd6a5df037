"""``even-kernel``: kernels that cannot be centred on the positions they are written to."""

from __future__ import annotations

from archcheck.lint.base import Findings, LintRule, Sample, fault_of, register
from archcheck.lint.linted import Linted
from archcheck.lint.sliding import stride_text
from archcheck.network.kinds import CONVOLUTIONS


@register
class EvenKernel(LintRule):
    """
    ## What it finds
    A convolution with an even kernel and an odd stride: no padding centres it. With an even
    stride, a kernel of 4 and a stride of 2, it is centred between the positions that become one;
    where kernel and stride are equal, it cuts the map into patches.

    ## Why it matters
    Each such layer moves the map by half a position, all in one direction, and shifted maps do not
    lie on each other where a skip adds them (Wu et al., 1903.08385).

    ## Example
    ```python
    nn.Conv2d(64, 64, 2, padding="same")
    ```

    ## When to ignore it
    In causal convolutions, which look back in time, and where several shifts make up for each
    other.
    """

    name = "even-kernel"
    severity = "info"
    summary = "An even kernel moves the map by half a position."
    faulty = (
        Sample("nn.Conv2d(3, 8, 2, padding='same')  # <-"),
        Sample("nn.Conv2d(3, 8, (3, 4), padding=1)  # <-"),
        Sample("nn.Conv1d(3, 8, 4, stride=3)  # <-", (3, 30)),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(8, 3, 2, 2, 2))

    def forward(self, x):
        return F.conv3d(x, self.weight)  # <-
""",
            (3, 4, 4, 4),
        ),
    )
    sound = (
        Sample("nn.Conv2d(3, 8, 3, padding=1)"),
        Sample("nn.Conv2d(3, 8, 4, stride=2, padding=1)"),
        Sample("nn.Conv2d(3, 8, 4, stride=4)"),
        Sample("nn.Conv1d(3, 8, 2, dilation=2)", (3, 30)),
        Sample("nn.Sequential(nn.Conv2d(3, 8, 4), nn.Flatten())", (3, 4, 4)),
        Sample("nn.MaxPool2d(2, stride=1)"),
        Sample("nn.ConvTranspose2d(3, 8, 2, stride=2)"),
    )

    def find(self, linted: Linted) -> Findings:
        for op, sides in linted.sliding(CONVOLUTIONS):
            shifting = (
                side.outputs > 1
                and side.kernel != side.stride
                and (side.kernel - 1) * side.dilation % 2
                and side.stride % 2
                for side in sides
            )
            if any(shifting):
                yield fault_of(
                    op,
                    f"{stride_text(sides)} has no middle: the map moves by half a position",
                    "an odd kernel, which can be centred",
                )
