"""``large-dense-kernel``: a large kernel over all channels, which most of the work goes into."""

from __future__ import annotations

from archcheck.lint.base import Findings, LintRule, Sample, fault_of, register
from archcheck.lint.chains import name_of
from archcheck.lint.linted import Linted
from archcheck.network import kinds
from archcheck.network.attributes import attributes
from archcheck.phrases import shape_text


@register
class LargeDenseKernel(LintRule):
    """
    ## What it finds
    A convolution with a kernel of 5 or more along two axes, over all channels at once, that more
    than a quarter of the multiply-accumulates go into.

    ## Why it matters
    Two 3x3 convolutions see as far as one of 5x5, for 18 weights in place of 25 (Simonyan and
    Zisserman, 2014); a depthwise one costs a fraction.

    ## Example
    ```python
    nn.Conv2d(64, 64, 5, padding=2)
    ```

    ## When to ignore it
    In the first layer, which reads few channels.
    """

    name = "large-dense-kernel"
    severity = "info"
    summary = "A large kernel over all channels takes much of the work."
    faulty = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, 3),
            nn.ReLU(),
            nn.Conv2d(16, 16, 5),  # <-
        )

    def forward(self, x):
        return self.layers(x)
"""
        ),
    )
    sound = (
        Sample("nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 16, 3))"),
        Sample("nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 16, 5, groups=16))"),
    )

    def find(self, linted: Linted) -> Findings:
        network = linted.network
        for op in network.ops:
            work = network.op_macs(op) if op.kind in kinds.CONVOLUTIONS else 0
            if not work or not network.macs or 4 * work <= network.macs:
                continue
            found = attributes(network, op)
            wide = [side for side in found["kernel_size"] if side >= 5]
            if found["groups"] == 1 and found["in_channels"] > 4 and len(wide) >= 2:
                share = 100 * work // network.macs
                yield fault_of(
                    op,
                    f"{name_of(op)} has a kernel of {shape_text(found['kernel_size'])} over "
                    f"{found['in_channels']} channels: {share} % of the multiply-accumulates",
                )
