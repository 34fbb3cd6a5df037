"""``transposed``: transposed convolutions."""

from math import prod

from archcheck.network import Network, Op, kinds
from archcheck.rules.base import Baseline, Example, Subject, Verdict, register
from archcheck.rules.baseline import forbidden
from archcheck.rules.counting import CountingRule, NearMiss, counted
from archcheck.rules.options import CountOptions

_ENLARGING = kinds.RESAMPLING | kinds.UNPOOLS | {"pixel_shuffle"}


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
        near = [
            NearMiss(op, "enlarges the map without a transposed convolution")
            for op in subject.reaching(subject.network.ops)
            if op.kind in _ENLARGING and _enlarges(subject.network, op)
        ]
        return counted(subject, ops, options, noun="transposed convolution", near=near)

    def baseline(self, subject: Subject) -> Baseline:
        return forbidden(self, subject)


def _enlarges(network: Network, op: Op) -> bool:
    before, after = network.shape(op.inputs[0]), network.shape(op.outputs[0])
    return prod(after[2:]) > prod(before[2:])
