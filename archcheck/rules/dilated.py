"""``dilated``: convolutions with holes between their taps."""

from archcheck.network.attributes import attributes
from archcheck.rules.base import Baseline, Example, Subject, Verdict, register
from archcheck.rules.baseline import at_least
from archcheck.rules.convolutions import convolutions, is_dilated
from archcheck.rules.counting import CountingRule, counted, several
from archcheck.rules.options import CountOptions


@register
class Dilated(CountingRule):
    """
    ## What it does
    Counts the convolutions, transposed ones too, with a dilation above 1 on an axis whose kernel
    is above 1. A dilation on a 1x1 kernel changes nothing and is none.

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
    passes = (Example("nn.Conv2d(3, 8, 3, dilation=2)", {"exactly": 1}),)
    fails = (
        Example("nn.Conv2d(3, 8, 1, dilation=2)", "required"),
        Example("nn.ConvTranspose2d(3, 8, 3, dilation=2)", "forbidden"),
    )

    def check(self, subject: Subject, options: CountOptions) -> Verdict:
        network = subject.network
        ops = [op for op in convolutions(network) if is_dilated(network, op)]
        labels = [op.module or op.kind for op in ops]
        note = several(labels)
        if len(ops) == 1:
            note += f", dilation {max(attributes(network, ops[0])['dilation'])}"
        return counted(subject, ops, options, noun="dilated convolution", note=note)

    def baseline(self, subject: Subject) -> Baseline:
        return at_least(self, subject)
