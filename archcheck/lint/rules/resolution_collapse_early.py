"""``resolution-collapse-early``: convolutions with windows over maps of a single position."""

from __future__ import annotations

from math import prod

from archcheck.lint.base import Findings, LintRule, Sample, fault_of, register
from archcheck.lint.linted import Linted
from archcheck.network.kinds import CONVOLUTIONS
from archcheck.phrases import how_many, size_text


@register
class ResolutionCollapseEarly(LintRule):
    """
    ## What it finds
    Convolutions with a window of several positions over a map that has a single one left: the map
    shrank to 1x1 in front of the last of them.

    ## Why it matters
    There is nothing left to look around at: such a layer works on channels alone and pays for a
    whole kernel. Mostly a network for larger images was given small ones (Richter et al.,
    2106.12307).

    ## Example
    ```python
    torchvision.models.vgg16()  # at 16x16, where the last block's maps have one position
    ```

    ## When to ignore it
    Where the network is meant for larger inputs than the one given here.
    """

    name = "resolution-collapse-early"
    severity = "info"
    summary = "The map has one position left in front of the last window."
    faulty = (
        Sample("nn.Sequential(nn.MaxPool2d(4), nn.Conv2d(3, 8, 3, padding=1))  # <-", (3, 4, 4)),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList()
        for _ in range(6):
            self.layers.append(nn.Conv1d(3, 3, 3, stride=2, padding=1))  # <-

    def forward(self, x):
        for layer in self.layers:
            x = layer(x).relu()
        return x
""",
            (3, 16),
        ),
    )
    sound = (
        Sample("nn.Sequential(nn.MaxPool2d(4), nn.Conv2d(3, 8, 1))", (3, 4, 4)),
        Sample("nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(3, 8, 3, padding=1))", (3, 4, 4)),
        Sample("nn.Sequential(nn.MaxPool3d((1, 4, 4)), nn.Conv3d(3, 8, (2, 1, 1)))", (3, 4, 4, 4)),
        Sample("nn.ConvTranspose2d(3, 8, 4)", (3, 1, 1)),
    )

    def find(self, linted: Linted) -> Findings:
        found = [
            (op, sides)
            for op, sides in linted.sliding(CONVOLUTIONS)
            if prod(side.size for side in sides) == 1 < prod(side.kernel for side in sides)
        ]
        network = linted.network
        shape = network.shape(network.inputs[0])
        if found and prod(shape[d] for d in network.given_tensors[0].positions) > 1:
            op, sides = found[0]
            yield fault_of(
                op,
                f"the map has one position left in front of a kernel of "
                f"{size_text(side.kernel for side in sides)}: "
                f"{how_many(len(found), 'convolution')} with a window and nothing around to see",
                "fewer strides and pools, or a larger input",
            )
