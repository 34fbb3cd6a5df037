"""``parameters``: how many parameters the network has."""

from typing import Literal

from pydantic import Field

from archcheck.network import Network, layers_of
from archcheck.rules.base import (
    FROZEN_WEIGHTS,
    Baseline,
    Example,
    Location,
    Rule,
    Subject,
    Verdict,
    location,
    not_verified,
    register,
)
from archcheck.rules.baseline import at_most
from archcheck.rules.options import Amount, CommonOptions


class ParametersOptions(Amount, CommonOptions):
    """How many, and which count."""

    count: Literal["all", "trainable", "used"] = Field(
        "all",
        description="all: every registered parameter; trainable: those that require a gradient; "
        "used: those that the forward pass reads.",
    )


@register
class Parameters(Rule):
    """
    ## What it does
    Counts the elements of the network's parameters. Shared modules and tied parameters count
    once. By default every registered parameter counts, also of layers that are never called:
    that is what `sum(p.numel() for p in net.parameters())` gives. With `count: used` only the
    parameters count that the forward pass reads, as in tables made by module hooks.

    ## Why it matters
    Budgets of courses, contests and devices are written in parameters. The two counts differ
    where a layer is left over from an earlier attempt, and can fall on either side of a limit.

    ## Example
    ```yaml
    rules:
      parameters: {less_than: 200k}
    ```

    ## References
    - [torch.nn.Module.parameters](https://pytorch.org/docs/stable/generated/torch.nn.Module.html)
    """

    name = "parameters"
    summary = "The number of parameters."
    Options = ParametersOptions
    passes = (
        Example("nn.Conv2d(3, 8, 3)", {"exactly": 224}),
        Example("nn.Conv2d(3, 8, 3)", {"less_than": "1k", "count": "used"}),
    )
    fails = (
        Example("nn.Conv2d(3, 8, 3)", {"less_than": 224}),
        Example(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.forgotten = nn.Linear(100, 100)

    def forward(self, x):
        return self.conv(x)
""",
            {"less_than": "1k"},
        ),
    )

    def check(self, subject: Subject, options: ParametersOptions) -> Verdict:
        network = subject.network
        counts = {
            "all": network.num_parameters,
            "trainable": network.num_trainable_parameters,
            "used": network.num_used_parameters,
        }
        count = counts[options.count]
        required, holds = options.describe(), options.holds(count)
        if subject.frozen and not options.settled_from(count):
            return not_verified(required, FROZEN_WEIGHTS, subject.frozen)
        if options.count == "used" and subject.opaque and not options.settled_from(count):
            reason = "a part of the network could not be followed: it may use more parameters"
            return Verdict(
                "not-verified", count, f"{count:,}", required, reason, subject.opaque, reason
            )
        word = "" if options.count == "all" else f"{options.count} "
        unused = (
            network.num_parameters - network.num_used_parameters if options.count == "all" else 0
        )
        too_many = not holds and count > (options.least() or 0)
        return Verdict(
            status="passed" if holds else "failed",
            found=count,
            found_text=f"{count:,}",
            required=required,
            message=f"the network has {count:,} {word}parameters, required: {required}",
            locations=_largest(network, count) if too_many else (),
            note=f"{unused:,} of them never used" if unused else "",
            hint=_never_used(network, unused) if unused and not holds else "",
        )

    def baseline(self, subject: Subject) -> Baseline:
        return at_most(self, subject)


def _never_used(network: Network, count: int) -> str:
    names = network.unused_modules or network.unused_parameters
    return f"{count:,} parameters are never used: {', '.join(names[:3])}"


def _largest(network: Network, total: int) -> tuple[Location, ...]:
    """The layers that hold most of the parameters."""
    layers = sorted(layers_of(network), key=lambda layer: -layer.num_parameters)[:3]
    return tuple(
        location(
            network.ops[layer.ops[0]],
            f"{layer.module or layer.type} holds {layer.num_parameters:,} of them "
            f"({layer.num_parameters / total:.0%})",
        )
        for layer in layers
        if layer.ops and layer.num_parameters
    )
