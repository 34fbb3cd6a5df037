"""``dilated``: convolutions with holes between their taps."""

from archcheck.network import Network, kinds
from archcheck.network.attributes import attributes
from archcheck.phrases import per_axis, shape_text
from archcheck.rules.base import Baseline, Example, Subject, Verdict, register
from archcheck.rules.baseline import at_least
from archcheck.rules.convolutions import CONVOLUTIONS, convolutions, is_dilated
from archcheck.rules.counting import CountingRule, NearMiss, counted, name_of, several
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
            words = f"has dilation {per_axis(a['dilation'])} on a kernel of"
            near.append(NearMiss(op, f"{words} {shape_text(a['kernel_size'])}"))
        elif op.kind in kinds.FIXED_MAX_POOLS and is_dilated(network, op):
            near.append(NearMiss(op, "is a dilated pool, not a convolution"))
    return near
