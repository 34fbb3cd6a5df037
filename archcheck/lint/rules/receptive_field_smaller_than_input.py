"""``receptive-field-smaller-than-input``: no unit in front of the global pool sees it all."""

from __future__ import annotations

from collections.abc import Iterator

from archcheck.fields import Field, MapLocation, UnknownField
from archcheck.lint.base import Fault, Findings, LintRule, Sample, Unknown, fault_of, register
from archcheck.lint.linted import Linted
from archcheck.network import Network
from archcheck.network.kinds import (
    ADAPTIVE_AVERAGE_POOLS,
    FIXED_AVERAGE_POOLS,
    POOLS,
    REDUCTIONS,
)
from archcheck.phrases import size_text
from archcheck.rules.base import location

_GLOBAL = POOLS | REDUCTIONS
_AVERAGES = FIXED_AVERAGE_POOLS | ADAPTIVE_AVERAGE_POOLS | {"mean", "sum"}


@register
class ReceptiveFieldSmallerThanInput(LintRule):
    """
    ## What it finds
    A network with a global pool at its head, in front of which no unit sees the whole input: the
    theoretical receptive field is smaller than the input's side. Gates and pools over the whole map
    in front of it, and attention, count as seeing everything. Where nothing looks beyond its own
    position along an axis (points, frames), that is meant; so is a maximum over the length of a
    text or a signal, which asks whether something occurs at all.

    ## Why it matters
    The pool adds up what the units see, and where it was is lost: no feature depends on how things
    far from each other lie. Accuracy grows with the field until it covers what is to be recognised
    (Araujo et al., Distill 2019; Richter et al., 2106.12307).

    ## Example
    ```python
    nn.Sequential(nn.Conv2d(3, 64, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1))  # 3x3 of 32x32
    ```

    ## When to ignore it
    Where textures or local patterns are enough: a bag of features, as BagNet is.
    """

    name = "receptive-field-smaller-than-input"
    severity = "warning"
    summary = "No unit in front of the global pool sees the whole input."
    faulty = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        )
        self.pool = nn.AdaptiveAvgPool2d(1)  # <-
        self.classify = nn.Linear(32, 10)

    def forward(self, x):
        return self.classify(self.pool(self.features(x)).flatten(1))
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 8, 80, stride=4)

    def forward(self, x):
        return self.conv(x).relu().mean(2)  # <-
""",
            (1, 800),
        ),
        Sample(
            "nn.Sequential(nn.Conv3d(1, 4, 3), nn.AvgPool3d(6), nn.Flatten())  # <-", (1, 8, 8, 8)
        ),
    )
    sound = (
        Sample("nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1))", (3, 3, 3)),
        Sample("nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(7200, 10))"),
        Sample("nn.Conv2d(3, 8, 3)"),
        Sample("nn.Sequential(nn.Conv1d(3, 8, 1), nn.ReLU(), nn.AdaptiveAvgPool1d(1))", (3, 64)),
        Sample("nn.Sequential(nn.Conv1d(3, 8, 5), nn.ReLU(), nn.AdaptiveMaxPool1d(1))", (3, 64)),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.gate = nn.Conv2d(8, 8, 1)

    def forward(self, x):
        x = self.conv(x).relu()
        x = x * self.gate(F.adaptive_avg_pool2d(x, 1)).sigmoid()
        return x.mean((2, 3))
"""
        ),
    )

    def find(self, linted: Linted) -> Findings:
        if linted.attends or not linted.network.inputs:
            return  # what sees all tokens is not worth the walk through it
        rf = linted.subject.fields()
        for at in rf.features_locations:
            if at.heads and all(linted.network.ops[op].kind in _GLOBAL for op in at.heads):
                try:
                    yield from _faults(linted.network, at, rf.at(at))
                except UnknownField as error:
                    pool = linted.network.ops[at.heads[0]]
                    yield Unknown(
                        f"the field in front of {at.name}'s pool: {error}", (location(pool),)
                    )


def _faults(network: Network, at: MapLocation, field: Field) -> Iterator[Fault]:
    pools = [network.ops[op] for op in at.heads]
    if len(field.sides) == 1 and not all(op.kind in _AVERAGES for op in pools):
        return
    axes = list(zip(field.input.position_names, field.axes, field.sides, strict=True))
    joined = any(axis.joined_by is not None for _, axis, _ in axes)
    short = [name for name, axis, side in axes if 1 < axis.size < side]
    if short and not joined:
        yield fault_of(
            pools[0],
            f"a unit in front of the global pool sees {size_text(field.size)}, less than the "
            f"{size_text(field.sides)} input along the {' and the '.join(short)}",
            "more layers, strides or dilations in front of the pool",
        )
