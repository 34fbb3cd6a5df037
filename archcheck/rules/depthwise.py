"""``depthwise``: convolutions that look at each channel by itself."""

from archcheck.rules.base import Example, Subject, Verdict, register
from archcheck.rules.convolutions import convolutions, grouped, groups, is_depthwise
from archcheck.rules.counting import CountingRule, NearMiss, counted
from archcheck.rules.options import CountOptions


@register
class Depthwise(CountingRule):
    """
    ## What it does
    Counts the calls of convolutions whose `groups` equal their input channels, where there is
    more than one channel. A channel multiplier (32 channels in, 64 out, groups 32) is depthwise
    too; 32 channels in groups of two (groups 16) are not.

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
    passes = (
        Example("nn.Sequential(nn.Conv2d(3, 8, 1), nn.Conv2d(8, 16, 3, groups=8))", "required"),
        Example("nn.Conv2d(1, 8, 3)", "forbidden", (1, 28, 28)),
    )
    fails = (
        Example("nn.Sequential(nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 3, groups=4))", "required"),
        Example("nn.Conv2d(3, 3, 3, groups=3)", "forbidden"),
    )

    def check(self, subject: Subject, options: CountOptions) -> Verdict:
        network = subject.network
        ops = [op for op in convolutions(network) if is_depthwise(network, op)]
        near = [NearMiss(op, f"has {groups(network, op)}") for op in grouped(network)]
        return counted(subject, ops, options, noun="depthwise convolution", near=near)

    def baseline(self, subject: Subject) -> None:
        """Nothing: depthwise-separable guards the convolutions that a small network is made of."""
