"""``transposed``: transposed convolutions."""

from archcheck.network import kinds
from archcheck.rules.base import Baseline, Example, Subject, Verdict, register
from archcheck.rules.baseline import forbidden
from archcheck.rules.counting import CountingRule, counted
from archcheck.rules.options import CountOptions


@register
class Transposed(CountingRule):
    """
    ## What it does
    Counts the calls of transposed convolutions, as modules or functions.

    ## Why it matters
    Many devices do not support them, and their overlap leaves checkerboards.

    ## Example
    ```yaml
    rules:
      transposed: forbidden
    ```

    ## References
    - A. Odena, V. Dumoulin and C. Olah, "Deconvolution and Checkerboard Artifacts", Distill 2016.
    """

    name = "transposed"
    summary = "The number of transposed convolutions."
    passes = (Example("nn.ConvTranspose2d(3, 8, 3)", "required"),)
    fails = (Example("nn.ConvTranspose2d(3, 8, 3)", "forbidden"),)

    def check(self, subject: Subject, options: CountOptions) -> Verdict:
        ops = [op for op in subject.network.ops if op.kind in kinds.TRANSPOSED_CONVOLUTIONS]
        return counted(subject, ops, options, noun="transposed convolution")

    def baseline(self, subject: Subject) -> Baseline:
        return forbidden(self, subject)
