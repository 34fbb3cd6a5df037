"""``layers``: how many operations of a kind meet a condition."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import Field, model_validator

from archcheck.network import Network, Op
from archcheck.network.attributes import attributes
from archcheck.rules.base import Example, Rule, Subject, Verdict, counted, register
from archcheck.rules.options import Amount, CommonOptions

Condition = Amount | bool | int | float | str | list[int]


class LayersOptions(Amount, CommonOptions):
    """Which operations, and how many."""

    kind: str | None = Field(
        None,
        description="The operation or the layer's class: conv2d, Conv2d, max_pool2d, ReLU, add.",
    )
    function: str | None = Field(
        None, description="The full name of a function: torch.nn.functional.max_pool2d."
    )
    where: dict[str, Condition] = Field(
        default_factory=dict,
        description="Conditions on attributes: kernel_size, stride, dilation, padding, groups, "
        "in_channels, out_channels, bias, depthwise, module, and the arguments of a function.",
    )

    @model_validator(mode="after")
    def _names_something(self) -> LayersOptions:
        if self.kind is None and self.function is None:
            raise ValueError("say which layers: kind or function")
        return self


@register
class Layers(Rule):
    """
    ## What it does
    Counts the operations of one `kind` (or `function`) that meet all conditions of `where`. A
    kind is the name of the function or of the layer's class, so that `relu` and `ReLU` both
    work, and functions count like modules.

    A condition is a value (`kernel_size: 1`, `bias: true`, `kernel_size: [3, 1]`) or a comparison
    (`stride: {more_than: 1}`). For an attribute with an entry an axis a single value has to hold
    on every axis; a comparison is made with the largest entry.

    ## Why it matters
    Whatever no other rule says can be said here.

    ## Example
    ```yaml
    rules:
      layers:
        - {kind: conv2d, where: {kernel_size: 1, stride: {more_than: 1}}, exactly: 0,
           message: "a strided 1x1 reads one position in four"}
        - {kind: dropout, at_least: 1}
    ```

    ## References
    - [torch.nn](https://pytorch.org/docs/stable/nn.html)
    """

    name = "layers"
    summary = "The number of operations of a kind under conditions."
    Options = LayersOptions
    passes = (
        Example(
            "nn.Conv2d(3, 8, 1, stride=1)",
            {
                "kind": "conv2d",
                "where": {"kernel_size": 1, "stride": {"more_than": 1}},
                "exactly": 0,
            },
        ),
        Example("nn.Sequential(nn.ReLU(), nn.ReLU())", {"kind": "ReLU", "exactly": 2}),
        Example("nn.ReLU()", {"function": "torch.nn.functional.relu", "exactly": 1}),
    )
    fails = (
        Example(
            "nn.Conv2d(3, 8, 1, stride=2)",
            {
                "kind": "conv2d",
                "where": {"kernel_size": 1, "stride": {"more_than": 1}},
                "exactly": 0,
            },
        ),
        Example("nn.Conv2d(3, 8, 3)", {"kind": "conv2d", "where": {"bias": False}, "at_least": 1}),
    )

    def check(self, subject: Subject, options: LayersOptions) -> Verdict:
        network = subject.network
        ops = [
            op for op in network.ops if _is(network, op, options) and _meets(network, op, options)
        ]
        what = options.kind or options.function or ""
        if options.where:
            what += " with " + ", ".join(
                f"{name} {_words(condition)}" for name, condition in options.where.items()
            )
        verdict = counted(subject, ops, options, noun="matching layer")
        note = f"{what}: {verdict.note}" if verdict.note else what
        return replace(verdict, message=f"{verdict.message} ({what})", note=note)


def _is(network: Network, op: Op, options: LayersOptions) -> bool:
    if options.function is not None and op.function != options.function:
        return False
    if options.kind is None:
        return True
    call = network.calls[op.call] if op.call >= 0 else None
    if options.kind == op.kind:
        return True
    # A class name means the layer as a whole: one call of it counts once.
    layer = network.layer_of.get(op.index)
    return (
        call is not None
        and call.type == options.kind
        and layer is not None
        and layer.ops[0] == op.index
    )


def _meets(network: Network, op: Op, options: LayersOptions) -> bool:
    if not options.where:
        return True
    found = {**attributes(network, op), "module": op.module}
    return all(
        name in found and _matches(found[name], condition)
        for name, condition in options.where.items()
    )


def _matches(value: Any, condition: Any) -> bool:
    values = list(value) if isinstance(value, (tuple, list)) else [value]
    if isinstance(condition, Amount):
        if not values or not all(isinstance(v, (int, float)) for v in values):
            return False
        exact = condition.given.get("exactly")
        if exact is not None and any(v != exact for v in values):
            return False
        return condition.holds(max(values))
    if isinstance(condition, list):
        return values == condition
    return (
        bool(values)
        and all(type(v) is not bool or isinstance(condition, bool) for v in values)
        and all(v == condition for v in values)
    )


def _words(condition: Any) -> str:
    return condition.describe() if isinstance(condition, Amount) else str(condition)
