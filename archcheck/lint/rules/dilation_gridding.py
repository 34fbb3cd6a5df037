"""``dilation-gridding``: dilations that leave holes in the receptive field."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import reduce
from math import gcd
from typing import Any

import msgspec

from archcheck.fields import Field, MapLocation, ReceptiveField, UnknownField, receptive_field
from archcheck.fields.algebra.positions import Positions
from archcheck.lint.base import Fault, Findings, LintRule, Sample, Unknown, fault_of, register
from archcheck.lint.linted import Linted
from archcheck.lint.sliding import WINDOWS
from archcheck.network import Network, Op, attributes
from archcheck.phrases import how_many, some_of
from archcheck.rules.base import location

_MOST_NAMED = 6


@register
class DilationGridding(LintRule):
    """
    ## What it finds
    Dilated convolutions and pools behind which a unit reads a grid of the image with positions left
    out in between, that it would read without the dilations. It goes by the exact set of
    positions that a unit of the last map in front of the head reads, over all paths: what
    another branch, a skip or a later layer fills is no hole. Global gates and pools fill none.

    ## Why it matters
    Neighbouring units look at different grids of positions and never see what lies between: local
    detail is lost, and dense outputs get a checked pattern. It happens where dilations on top of
    each other have a common factor, and where one is larger than what the layers before have seen
    (Wang et al., 1702.08502, section 3.2; Yu et al., 1705.09914).

    ## Example
    ```python
    nn.Sequential(nn.Conv2d(3, 16, 3, dilation=2), nn.Conv2d(16, 16, 3, dilation=2))
    ```

    ## When to ignore it
    Where what lies between does not matter: a signal that was smoothed before, say.
    """

    name = "dilation-gridding"
    severity = "warning"
    summary = "Dilations leave holes in the receptive field."
    faulty = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=2, dilation=2)  # <-
        self.second = nn.Conv2d(8, 8, 3, padding=2, dilation=2)
        self.third = nn.Conv2d(8, 8, 3, padding=4, dilation=4)
        self.head = nn.Linear(8, 10)

    def forward(self, x):
        x = self.third(self.second(self.first(x).relu()).relu()).relu()
        return self.head(x.mean((2, 3)))
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 3, 3))

    def forward(self, x):
        x = F.conv1d(x, self.weight)
        x = F.conv1d(x, self.weight, dilation=4)  # <-
        return F.conv1d(x, self.weight, dilation=8)
""",
            (3, 64),
        ),
        Sample("nn.Conv3d(2, 2, 3, padding=(2, 1, 1), dilation=(2, 1, 1))  # <-", (2, 8, 8, 8)),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList()
        for _ in range(3):
            self.blocks.append(nn.Conv2d(3, 3, 3, padding=2, dilation=2))  # <-
        self.gate = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        for block in self.blocks:
            x = x + block(x).relu()
        return x * self.gate(F.adaptive_avg_pool2d(x, 1)).sigmoid()
"""
        ),
    )
    sound = (
        Sample("nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, dilation=3))"),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        rates = (1, 2, 5)
        self.layers = nn.Sequential(*[nn.Conv2d(3, 3, 3, padding=r, dilation=r) for r in rates])

    def forward(self, x):
        return self.layers(x)
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        rates = (1, 2, 4, 8, 16)
        self.layers = nn.ModuleList([nn.Conv1d(3, 3, 2, dilation=r) for r in rates])

    def forward(self, x):
        for layer in self.layers:
            reach = layer.dilation[0]
            x = x + layer(F.pad(x, (reach, 0))).tanh()
        return x
""",
            (3, 40),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.near = nn.Conv2d(3, 8, 5, padding=2)
        self.wide = nn.Conv2d(3, 8, 3, padding=2, dilation=2)

    def forward(self, x):
        return torch.cat([self.near(x), self.wide(x)], 1)
"""
        ),
        Sample("nn.Sequential(nn.Conv2d(3, 8, 1, stride=2), nn.Conv2d(8, 8, 3))"),
        Sample("nn.Sequential(nn.Conv2d(3, 8, 3, dilation=2), nn.Conv2d(8, 8, 2))"),
        Sample("nn.Sequential(nn.MaxPool2d(4, 2), nn.Conv2d(3, 8, 3, dilation=2))"),
        Sample("nn.Conv2d(3, 8, 1, dilation=2)"),
    )

    def find(self, linted: Linted) -> Findings:
        dilated = [
            op
            for op, sides in linted.sliding(WINDOWS)
            if any(side.kernel > 1 < side.dilation for side in sides)
        ]
        if not dilated:
            return
        rf = linted.subject.fields()
        try:
            for at in rf.features_locations:
                yield from _faults(rf, at, dilated)
        except UnknownField as error:
            yield Unknown(str(error), tuple(map(location, dilated[:1])))


def _faults(rf: ReceptiveField, at: MapLocation, dilated: Sequence[Op]) -> Iterator[Fault]:
    """The fault of the dilations in front of a location, on the first axis with holes."""
    field = rf.at(at)
    for axis in range(len(field.axes)):
        read = _read(field, axis)
        if read is None or read.count == read.size:
            continue
        blamed = [op for op in dilated if _leaves_holes(rf, op, axis)]
        without = _read(receptive_field(_undilated(rf.network, dilated)).at(at), axis)
        if blamed and without is not None and _share(without) > _share(read):
            yield _fault(rf.network, blamed, axis, read, field)
            return


def _read(field: Field, axis: int) -> Positions | None:
    """What the unit with the largest field reads on an axis, without gates and global pools; None
    if nothing else is left."""
    unit, local = field.widest(axis), field.local[axis]
    if unit is None or local is None:
        return None
    return field.positions(axis, unit, gates=not field.gated(axis))


def _share(read: Positions) -> float:
    return read.count / read.size if read else 1.0


def _leaves_holes(rf: ReceptiveField, op: Op, axis: int) -> bool:
    """Whether there are holes on an axis in the field behind an operation."""
    try:
        read = _read(rf.tensor(op.outputs[0]), axis)
    except UnknownField:
        return False
    return read is not None and read.count < read.size


def _undilated(network: Network, dilated: Sequence[Op]) -> Network:
    """The same network with windows that have no dilation, about the same centres; the maps keep
    their sizes."""
    ops = list(network.ops)
    for op in dilated:
        a = attributes.window(network, op)
        arguments: dict[str, Any] = {**op.arguments, "dilation": 1}
        if not isinstance(a["padding"], str):
            sides = zip(a["kernel_size"], a["dilation"], a["padding"], strict=True)
            arguments["padding"] = [pad - (d - 1) * (k - 1) // 2 for k, d, pad in sides]
        ops[op.index] = msgspec.structs.replace(op, arguments=arguments)
    return msgspec.structs.replace(network, ops=tuple(ops))


def _fault(
    network: Network, blamed: Sequence[Op], axis: int, read: Positions, field: Field
) -> Fault:
    along = field.input.position_names[axis]
    dilations = [max(attributes.window(network, op)["dilation"]) for op in blamed]
    common = reduce(gcd, dilations)
    text, leave = f"a dilation of {dilations[0]}", "leaves"
    if blamed[1:]:
        shared = f", which have the common factor {common}," if common > 1 else ""
        text, leave = f"dilations {some_of(dilations, _MOST_NAMED)}{shared}", "leave"
    first = fault_of(
        blamed[0],
        f"{text} {leave} holes in the receptive field: along the {along}, a unit at "
        f"{field.location.name} reads {read.count} of the {how_many(read.size, 'position')} "
        f"from {read.low} to {read.high}",
        "take dilations without a common factor, such as 1, 2 and 5, none larger than what the "
        "layers before it have seen",
    )
    lines = tuple(place for op in blamed for place in (op.built, op.called) if place is not None)
    return replace(first, locations=tuple(map(location, blamed)), lines=lines)
