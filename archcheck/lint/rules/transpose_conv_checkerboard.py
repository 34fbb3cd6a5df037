"""``transpose-conv-checkerboard``: transposed convolutions that cover positions unequally."""

from __future__ import annotations

from collections import Counter

from archcheck.lint.base import Findings, LintRule, Sample, fault_of, register
from archcheck.lint.linted import Linted
from archcheck.lint.sliding import Slide, stride_text
from archcheck.network.kinds import TRANSPOSED_CONVOLUTIONS


@register
class TransposeConvCheckerboard(LintRule):
    """
    ## What it finds
    A transposed convolution whose kernel does not divide by its stride, so that more taps are added
    up at some output positions than at others.

    ## Why it matters
    The uneven overlap shows as a checked pattern in images that are made in this way (Odena et al.,
    Deconvolution and Checkerboard Artifacts, Distill 2016).

    ## Example
    ```python
    nn.ConvTranspose2d(64, 32, 3, stride=2, padding=1, output_padding=1)
    ```

    ## When to ignore it
    Where no image is made, or convolutions behind it even it out.
    """

    name = "transpose-conv-checkerboard"
    severity = "info"
    summary = "A transposed convolution covers its outputs unequally."
    faulty = (
        Sample("nn.ConvTranspose2d(3, 8, 3, stride=2)  # <-"),
        Sample("nn.ConvTranspose1d(3, 8, 2, stride=3)  # <-", (3, 10)),
        Sample("nn.ConvTranspose3d(2, 2, (2, 2, 3), stride=2)  # <-", (2, 4, 4, 4)),
        Sample("nn.ConvTranspose2d(3, 8, 2, stride=2, dilation=2)  # <-"),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 8, 5, 5))

    def forward(self, x):
        return F.conv_transpose2d(x, self.weight, stride=2)  # <-
"""
        ),
    )
    sound = (
        Sample("nn.ConvTranspose2d(3, 8, 4, stride=2, padding=1)"),
        Sample("nn.ConvTranspose2d(3, 8, 2, stride=2)"),
        Sample("nn.ConvTranspose2d(3, 8, 3)"),
        Sample("nn.ConvTranspose1d(3, 8, 6, stride=3)", (3, 10)),
        Sample("nn.ConvTranspose2d(3, 8, 2, stride=2, dilation=3)"),
        Sample("nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(3, 8, 3, padding=1))"),
        Sample("nn.Conv2d(3, 8, 3, stride=2, padding=1)"),
    )

    def find(self, linted: Linted) -> Findings:
        for op, sides in linted.sliding(TRANSPOSED_CONVOLUTIONS):
            uneven = next((side for side in sides if len({*_taps(side)}) > 1), None)
            if uneven is not None:
                taps = _taps(uneven)
                yield fault_of(
                    op,
                    f"{stride_text(sides)} adds up {max(taps)} taps along "
                    f"an axis at some output positions and {min(taps)} at others",
                    "a kernel that divides by the stride, or an upsampling and a convolution",
                )


def _taps(side: Slide) -> list[int]:
    """How many taps reach each phase of the output positions."""
    counts = Counter(tap * side.dilation % side.stride for tap in range(side.kernel))
    return [counts[phase] for phase in range(side.stride)]
