"""``receptive-field-saturated``: convolutions whose input sees the whole image already."""

from __future__ import annotations

from archcheck.fields.algebra.field_map import FieldMap
from archcheck.fields.axis_field import axis_field
from archcheck.lint.base import Findings, LintRule, Sample, fault_of, register
from archcheck.lint.linted import Linted
from archcheck.lint.sliding import input_of
from archcheck.network import Op
from archcheck.network.kinds import CONVOLUTIONS
from archcheck.phrases import size_text


@register
class ReceptiveFieldSaturated(LintRule):
    """
    ## What it finds
    Convolutions with a window of several positions whose input already sees at least the whole
    image along every axis. It is told once, of the first of them in the order of the pass. What
    stands behind a gate over the whole map is left out, and a network with attention.

    ## Why it matters
    Such layers can combine what was seen, and see nothing new: those at the end of a network often
    add little to its accuracy (Richter et al., 2106.12307). It is true of most known networks.

    ## Example
    ```python
    torchvision.models.resnet152()  # at 32x32
    ```

    ## When to ignore it
    Mostly; it tells where a network may be made shorter for its input.
    """

    name = "receptive-field-saturated"
    severity = "info"
    summary = "Convolutions see the whole image already."
    faulty = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 7, padding=3)
        self.second = nn.Conv2d(8, 8, 3, padding=1)  # <-
        self.third = nn.Conv2d(8, 8, 3, padding=1)

    def forward(self, x):
        return self.third(self.second(self.first(x).relu()).relu())
""",
            (3, 7, 7),
        ),
        Sample("nn.Sequential(nn.Conv1d(3, 8, 9, padding=4), nn.Conv1d(8, 8, 3))  # <-", (3, 9)),
    )
    sound = (
        Sample("nn.Sequential(nn.Conv2d(3, 8, 7, padding=3), nn.Conv2d(8, 8, 1))", (3, 7, 7)),
        Sample("nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3))"),
        Sample(
            "nn.Sequential(nn.Conv2d(3, 8, (1, 9), padding=(0, 4)), nn.Conv2d(8, 8, 3))", (3, 9, 9)
        ),
        Sample("nn.Conv2d(3, 8, 3)", (3, 3, 3)),
    )

    def find(self, linted: Linted) -> Findings:
        convolutions = linted.sliding(CONVOLUTIONS)
        windows = [op for op, sides in convolutions if any(side.kernel > 1 for side in sides)]
        full = [] if linted.attends else [op for op in windows if _sees_all(linted, op)]
        if full:
            sides = linted.subject.fields().sides
            yield fault_of(
                full[0],
                f"the input of {len(full)} of {len(windows)} convolutions with a window sees all "
                f"of the {size_text(sides)} image already, that of this one first",
                "fewer layers at the end, or fewer strides at the beginning",
            )


def _sees_all(linted: Linted, op: Op) -> bool:
    """Whether units of what a convolution reads see the whole image, and by no gate."""
    rf = linted.subject.fields()
    m = rf.forward.map(input_of(op))
    if (
        not isinstance(m, FieldMap)
        or not m.tracks
        or any(t.joined_by is not None for t in m.tracks)
    ):
        return False
    return all(axis_field(m, axis).size >= side for axis, side in enumerate(rf.sides))
