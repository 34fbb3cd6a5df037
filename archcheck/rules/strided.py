"""``strided``: convolutions that skip positions."""

from archcheck.rules.base import Example, Rule, Subject, Verdict, counted, register
from archcheck.rules.convolutions import convolutions, is_strided
from archcheck.rules.options import CountOptions


@register
class Strided(Rule):
    """
    ## What it does
    Counts the convolutions with a stride above 1 on some axis. Transposed convolutions, whose
    stride spreads positions instead, do not count, nor do pools.

    ## Why it matters
    Assignments ask for strides in place of pools, or for dilation in place of both.

    ## Example
    ```yaml
    rules:
      strided: forbidden
    ```

    ## References
    - J. Springenberg et al., "Striving for Simplicity: The All Convolutional Net", 2015.
    """

    name = "strided"
    summary = "The number of strided convolutions."
    Options = CountOptions
    passes = (
        Example("nn.Conv2d(3, 8, 3, stride=(1, 2))", "required"),
        Example("nn.ConvTranspose2d(3, 8, 2, stride=2)", "forbidden"),
    )
    fails = (Example("nn.Conv2d(3, 8, 3, stride=2)", "forbidden"),)

    def check(self, subject: Subject, options: CountOptions) -> Verdict:
        ops = [op for op in convolutions(subject.network) if is_strided(subject.network, op)]
        return counted(subject, ops, options, noun="strided convolution")
