"""``depthwise``: convolutions that look at each channel by itself."""

from typing import Literal

from pydantic import Field

from archcheck.rules.base import Example, Subject, Verdict, call_location, register
from archcheck.rules.convolutions import convolutions, grouped, groups, is_depthwise
from archcheck.rules.counting import CountingRule, NearMiss, counted
from archcheck.rules.options import CountOptions
from archcheck.rules.roads.channels import channel_by_channel


class DepthwiseOptions(CountOptions):
    """How many, and of what."""

    of: Literal["convolutions", "anything"] = Field(
        "convolutions",
        description="anything: whatever else weighs positions of each channel by itself counts "
        "too.",
    )


@register
class Depthwise(CountingRule):
    """
    ## What it does
    Counts the calls of convolutions whose `groups` equal their input channels, where there is
    more than one channel. A channel multiplier (32 channels in, 64 out, groups 32) is depthwise
    too; 32 channels in groups of two (groups 16) are not.

    With `of: anything` everything counts that weighs positions of each channel by itself: also a
    convolution of one channel of several (one after the other, or as a batch), and products with
    weights that sum over positions alone (`einsum`, `matmul`, a linear layer across tokens). Sums
    over positions that were multiplied by weights, Fourier transforms and kernels that are not made
    of parameters alone (masked to a diagonal, say) may do so and are *not verified*.

    ## Why it matters
    Depthwise convolutions are what small networks save their parameters with.

    ## Example
    ```yaml
    rules:
      depthwise: {at_least: 1}
    ```

    ## References
    - F. Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", CVPR 2017.
    """

    name = "depthwise"
    summary = "The number of depthwise convolutions."
    Options = DepthwiseOptions
    passes = (
        Example("nn.Sequential(nn.Conv2d(3, 8, 1), nn.Conv2d(8, 16, 3, groups=8))", "required"),
        Example("nn.Conv2d(1, 8, 3)", "forbidden", (1, 28, 28)),
        Example(
            "nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.AdaptiveAvgPool2d(1), "
            "nn.Flatten(), nn.Linear(8, 10))",
            {"exactly": 0, "of": "anything"},
        ),
    )
    fails = (
        Example("nn.Sequential(nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 3, groups=4))", "required"),
        Example("nn.Conv2d(3, 3, 3, groups=3)", "forbidden"),
        Example(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3)

    def forward(self, x):
        return torch.cat([self.conv(x[:, i : i + 1]) for i in range(3)], 1)
""",
            {"exactly": 0, "of": "anything"},
        ),
    )

    def check(self, subject: Subject, options: DepthwiseOptions) -> Verdict:
        network = subject.network
        if options.of == "anything":
            found = channel_by_channel(subject)
            unseen = [call_location(op) for op in found.doubtful if subject.reach.possible(op)]
            noun = "layer channel by channel"
            return counted(subject, found.certain, options, noun=noun, unseen=unseen)
        ops = [op for op in convolutions(network) if is_depthwise(network, op)]
        near = [NearMiss(op, f"has {groups(network, op)}") for op in grouped(network)]
        return counted(subject, ops, options, noun="depthwise convolution", near=near)

    def baseline(self, subject: Subject) -> None:
        """Nothing: depthwise-separable guards the convolutions that a small network is made of."""
