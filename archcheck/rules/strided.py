"""``strided``: convolutions that skip positions."""

from __future__ import annotations

from math import prod
from typing import Literal

from pydantic import Field

from archcheck.network import Network, Op, kinds
from archcheck.network.attributes import attributes
from archcheck.phrases import per_axis
from archcheck.rules.base import (
    Baseline,
    Example,
    Location,
    Subject,
    Verdict,
    call_location,
    register,
)
from archcheck.rules.baseline import forbidden
from archcheck.rules.convolutions import convolutions, is_strided
from archcheck.rules.counting import CountingRule, NearMiss, counted
from archcheck.rules.options import CountOptions
from archcheck.rules.roads.spacing import enlarging


class StridedOptions(CountOptions):
    """How many, and of what."""

    of: Literal["convolutions", "anything"] = Field(
        "convolutions",
        description="anything: in front of the head pools count too, and whatever else makes "
        "neighbouring units look further apart: a slice with a step, resampling by a grid or to "
        "another size, a cropped spectrum, space to depth.",
    )


@register
class Strided(CountingRule):
    """
    ## What it does
    Counts the convolutions with a stride above 1 on some axis. Transposed convolutions, whose
    stride spreads positions instead, do not count, nor do pools.

    With `of: anything` everything counts that takes the place of a stride: also the pools in
    front of the head (not those that feed a gate, which leave no map) and the other operations
    there that enlarge the jump from one unit's field to the next.

    ## Why it matters
    Assignments ask for strides in place of pools, or for dilation in place of both.

    ## Example
    ```yaml
    rules:
      strided: {exactly: 0, of: anything, bonus: 200}
    ```

    ## References
    - J. Springenberg et al., "Striving for Simplicity: The All Convolutional Net", 2015.
    """

    name = "strided"
    summary = "The number of strided convolutions."
    Options = StridedOptions
    passes = (
        Example("nn.Conv2d(3, 8, 3, stride=(1, 2))", "required"),
        Example("nn.ConvTranspose2d(3, 8, 2, stride=2)", "forbidden"),
        Example("nn.Sequential(nn.Conv2d(3, 8, 3), nn.MaxPool2d(2))", "forbidden"),
        Example(
            "nn.Sequential(nn.Conv2d(3, 8, 3, dilation=8), nn.AdaptiveAvgPool2d(1))",
            {"exactly": 0, "of": "anything"},
        ),
    )
    fails = (
        Example("nn.Conv2d(3, 8, 3, stride=2)", "forbidden"),
        Example(
            "nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1))",
            {"exactly": 0, "of": "anything"},
        ),
        Example(
            "nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(12, 8, 3))",
            {"exactly": 0, "of": "anything"},
        ),
    )

    def check(self, subject: Subject, options: StridedOptions) -> Verdict:
        network = subject.network
        ops = [op for op in convolutions(network) if is_strided(network, op)]
        if options.of == "convolutions":
            near = [
                NearMiss(op, f"is no convolution, but has stride {per_axis(_stride(network, op))}")
                for op in subject.reaching(network.ops)
                if op.kind in kinds.FIXED_POOLS and max(_stride(network, op)) > 1
            ]
            return counted(subject, ops, options, noun="strided convolution", near=near)
        end = _head(subject)
        by_index = {op.index: op for op in (*ops, *_others(subject)) if op.index < end}
        ordered = [by_index[index] for index in sorted(by_index)]
        unseen = _unseen(subject, end)
        return counted(subject, ordered, options, noun="downsampling layer", unseen=unseen)

    def baseline(self, subject: Subject) -> Baseline:
        return forbidden(self, subject)


def _stride(network: Network, op: Op) -> tuple[int, ...]:
    stride: tuple[int, ...] = attributes(network, op)["stride"]
    return stride


def _head(subject: Subject) -> int:
    """The index of the operation that begins the (last) head."""
    heads = [
        head
        for index in range(len(subject.network.inputs))
        for location in subject.fields(input_index=index).features_locations
        for head in location.heads
    ]
    return max(heads, default=len(subject.network.ops))


def _others(subject: Subject) -> list[Op]:
    """The pools that leave a map, and what else enlarges the jump."""
    network = subject.network
    ops = [
        op
        for op in subject.reaching(network.ops)
        if op.kind in kinds.POOLS and prod(network.shape(op.outputs[0])[2:]) > 1
    ]
    for index in range(len(network.inputs)):
        ops += enlarging(subject, index)
    return ops


def _unseen(subject: Subject, end: int) -> list[Location]:
    """What could not be followed in front of the head."""
    network = subject.network
    causes = [
        cause.op
        for index in range(len(network.inputs))
        for cause in subject.fields(input_index=index).not_modelled
    ]
    return [call_location(network.ops[op]) for op in causes if op is not None and op < end]
