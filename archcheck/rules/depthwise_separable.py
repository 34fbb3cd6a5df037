"""``depthwise-separable``: a depthwise convolution and the 1x1 convolution behind it."""

from archcheck.rules.base import Baseline, Example, Subject, Verdict, register
from archcheck.rules.baseline import at_least
from archcheck.rules.convolutions import (
    convolutions,
    grouped,
    groups,
    is_depthwise,
    pointwise_after,
)
from archcheck.rules.counting import CountingRule, NearMiss, counted, name_of
from archcheck.rules.options import CountOptions


@register
class DepthwiseSeparable(CountingRule):
    """
    ## What it does
    Counts the depthwise convolutions whose output reaches a 1x1 convolution with groups 1
    through nothing but normalisation, activation and dropout. A depthwise convolution followed
    by a *grouped* 1x1 convolution, or by none, does not count.

    ## Why it matters
    The pair stands in for a full convolution at a fraction of its parameters; without the 1x1
    behind it the channels never meet.

    ## Example
    ```yaml
    rules:
      depthwise-separable: {at_least: 2}
    ```

    ## References
    - A. Howard et al., "MobileNets", 2017, section 3.1.
    """

    name = "depthwise-separable"
    summary = "The number of depthwise-separable convolutions."
    passes = (
        Example(
            "nn.Sequential(nn.Conv2d(3, 3, 3, groups=3), nn.BatchNorm2d(3), nn.ReLU(), "
            "nn.Conv2d(3, 8, 1))",
            {"at_least": 1},
        ),
        Example("nn.Conv2d(3, 8, 3)", "forbidden"),
    )
    fails = (
        Example(
            "nn.Sequential(nn.Conv2d(3, 6, 3, groups=3), nn.Conv2d(6, 8, 1, groups=2))", "required"
        ),
        Example(
            "nn.Sequential(nn.Conv2d(3, 3, 3, groups=3), nn.MaxPool2d(2), nn.Conv2d(3, 8, 1))",
            "required",
        ),
    )

    def check(self, subject: Subject, options: CountOptions) -> Verdict:
        network = subject.network
        depthwise = [op for op in convolutions(network) if is_depthwise(network, op)]
        behind = {op.index: pointwise_after(subject, op) for op in depthwise}
        pairs = [(op, point) for op in depthwise if (point := behind[op.index]) is not None]
        alone = [op for op in subject.reaching(depthwise) if behind[op.index] is None]
        return counted(
            subject,
            [op for op, _ in pairs],
            options,
            noun="depthwise-separable convolution",
            labels=[f"{name_of(op)} › {name_of(point)}" for op, point in pairs],
            near=[NearMiss(op, "is depthwise, but no 1×1 convolution follows it") for op in alone]
            + [NearMiss(op, f"has {groups(network, op)}") for op in grouped(network)],
        )

    def baseline(self, subject: Subject) -> Baseline:
        return at_least(self, subject)
