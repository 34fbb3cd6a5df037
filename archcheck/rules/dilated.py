"""``dilated``: convolutions with holes between their taps."""

from typing import Literal

from pydantic import Field

from archcheck.network import Network, kinds
from archcheck.network.attributes import attributes
from archcheck.phrases import per_axis, shape_text
from archcheck.rules.base import Baseline, Example, Subject, Verdict, call_location, register
from archcheck.rules.baseline import at_least
from archcheck.rules.convolutions import CONVOLUTIONS, convolutions, is_dilated
from archcheck.rules.counting import CountingRule, NearMiss, counted, name_of, several
from archcheck.rules.options import CountOptions
from archcheck.rules.roads.holes import with_holes


class DilatedOptions(CountOptions):
    """How many, and of what."""

    of: Literal["convolutions", "anything"] = Field(
        "convolutions",
        description="anything: whatever else joins positions that have others between them counts "
        "too.",
    )


@register
class Dilated(CountingRule):
    """
    ## What it does
    Counts the convolutions, transposed ones too, with a dilation above 1 on an axis whose kernel
    is above 1. A dilation on a 1x1 kernel, or over a map of one position (behind a global pool),
    changes nothing and is none.

    With `of: anything` everything counts that joins positions of a map and leaves out others
    between them: also dilated pools, `unfold` with a dilation, a convolution over every other
    position (a slice with a step, a reshape, resampling) and sums of slices that lie apart. A
    kernel that is not made of parameters alone may have zeros between its weights (it was written,
    padded or masked): then it is *not verified*.

    ## Why it matters
    A dilated convolution widens the receptive field without parameters and without giving up
    resolution.

    ## Example
    ```yaml
    rules:
      dilated: {at_least: 1}
    ```

    ## References
    - F. Yu and V. Koltun, "Multi-Scale Context Aggregation by Dilated Convolutions", ICLR 2016.
    """

    name = "dilated"
    summary = "The number of dilated convolutions."
    Options = DilatedOptions
    passes = (
        Example("nn.Conv2d(3, 8, 3, dilation=2)", {"exactly": 1}),
        Example(
            "nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(12, 8, 3), nn.AvgPool2d(2))",
            {"exactly": 0, "of": "anything"},
        ),
    )
    fails = (
        Example("nn.Conv2d(3, 8, 1, dilation=2)", "required"),
        Example(
            "nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(3, 8, 3, padding=2, dilation=2))",
            "required",
        ),
        Example("nn.ConvTranspose2d(3, 8, 3, dilation=2)", "forbidden"),
        Example("nn.MaxPool2d(3, dilation=2)", {"exactly": 0, "of": "anything"}),
        Example(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        rows = torch.stack([self.conv(x[:, :, i::2]) for i in range(2)], 3)
        return rows.flatten(2, 3)
""",
            {"exactly": 0, "of": "anything"},
        ),
    )

    def check(self, subject: Subject, options: DilatedOptions) -> Verdict:
        network = subject.network
        if options.of == "anything":
            found = with_holes(subject)
            unseen = [call_location(op) for op in found.doubtful if subject.reach.possible(op)]
            return counted(subject, found.certain, options, noun="layer with holes", unseen=unseen)
        ops = [op for op in convolutions(network) if is_dilated(network, op)]
        certain = subject.reaching(ops)
        note = several(map(name_of, certain))
        if len(certain) == 1:
            note += f", dilation {max(attributes(network, certain[0])['dilation'])}"
        near = _near_misses(network)
        return counted(subject, ops, options, noun="dilated convolution", note=note, near=near)

    def baseline(self, subject: Subject) -> Baseline:
        return at_least(self, subject)


def _near_misses(network: Network) -> list[NearMiss]:
    """Dilations that skip nothing, and those of pools."""
    near = []
    for op in network.ops:
        if op.kind not in CONVOLUTIONS | kinds.FIXED_MAX_POOLS:
            continue
        a = attributes(network, op)
        if max(a["dilation"]) > 1 and not is_dilated(network, op):
            kernel, side = a["kernel_size"], network.shape(op.inputs[0])[-len(a["kernel_size"]) :]
            over = f" over a map of {shape_text(side)}" if max(kernel) > 1 else ""
            words = f"has dilation {per_axis(a['dilation'])} on a kernel of {shape_text(kernel)}"
            near.append(NearMiss(op, words + over))
        elif op.kind in kinds.FIXED_MAX_POOLS and is_dilated(network, op):
            near.append(NearMiss(op, "is a dilated pool, not a convolution"))
    return near
