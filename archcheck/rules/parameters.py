"""``parameters``: how many parameters the network has."""

from dataclasses import replace
from typing import Literal

from pydantic import Field

from archcheck.network import Network, layers_of
from archcheck.network.accounting import Accounts
from archcheck.rules.base import (
    FROZEN_WEIGHTS,
    Baseline,
    Example,
    Location,
    Rule,
    Subject,
    Verdict,
    call_location,
    location,
    not_verified,
    register,
)
from archcheck.rules.baseline import at_most
from archcheck.rules.counting import name_of
from archcheck.rules.options import Amount, CommonOptions


class ParametersOptions(Amount, CommonOptions):
    """How many, and which count."""

    count: Literal["all", "trainable", "used", "strict"] = Field(
        "all",
        description="all: every registered parameter; trainable: those that require a gradient; "
        "used: those that the forward pass reads; strict: every tensor that is no input and not "
        "computed from one, registered or not, whose values reach an output by arithmetic.",
    )


_STRICTLY_240 = {"exactly": 240, "count": "strict"}


@register
class Parameters(Rule):
    """
    ## What it does
    Counts the elements of the network's parameters. Shared modules and tied parameters count
    once. By default every registered parameter counts, also of layers that are never called:
    that is what `sum(p.numel() for p in net.parameters())` gives. With `count: used` only the
    parameters count that the forward pass reads, as in tables made by module hooks.

    With `count: strict` all that the network holds counts, wherever it is kept: registered
    parameters whose values reach an output, and besides them buffers, tensors in lists, attributes,
    closures and global variables, layers in a plain list or made in forward, and what forward
    loads, draws at random or writes out (`torch.tensor([...])`), of any type. An element counts
    once, a complex number too, and memory that several tensors share counts once. Apart from it are
    shapes, indices, the conditions of `where` and `masked_fill`, boolean masks of attention, the
    running statistics that a normalisation reads, a mask of zeros and ones that a weight of as many
    numbers is multiplied by, and numbers of the code, also in a tensor that forward fills with one
    (`zeros`, `full`). An index or a condition that only says where numbers of the code go,
    `torch.where(table, 1.0, -1.0)`, is all that the result is made of, and counts; a mask of `-inf`
    does not. Whether many numbers of Python that forward computes with, one by one, are weights is
    *not verified*. Under every other count all this is a remark in the report.

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
        Example("nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))", _STRICTLY_240),
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
        Example(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.hidden = [nn.Conv2d(8, 64, 3), torch.ones(1, 64, 1, 1)]

    def forward(self, x):
        return self.hidden[1] * self.hidden[0](self.conv(x))
""",
            {"less_than": "4k", "count": "strict"},
        ),
    )

    def check(self, subject: Subject, options: ParametersOptions) -> Verdict:
        network = subject.network
        if options.count == "strict":
            return _strict(subject.accounts, options)
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
            message=f"the network has {count:,} {word}parameters; {options.demand('parameters')}",
            locations=_largest(network, count) if too_many else (),
            note=f"{unused:,} of them never used" if unused else "",
            hint=_never_used(network, unused) if unused and not holds else "",
        )

    def baseline(self, subject: Subject) -> Baseline:
        return at_most(self, subject)


def _strict(accounts: Accounts, options: ParametersOptions) -> Verdict:
    """The verdict on all that a network holds."""
    least, most = accounts.size, accounts.size + accounts.perhaps
    required, outside = options.describe(), sum(held.size for held in accounts.unregistered)
    note = f"{outside:,} of them no registered parameters" if outside else ""
    verdict = Verdict(
        status="passed" if options.holds(least) else "failed",
        found=least,
        found_text=f"{least:,}",
        required=required,
        message=f"the network holds {least:,} numbers; {options.demand('numbers')}",
        locations=_unregistered(accounts) if least > (options.least() or 0) else (),
        note=note,
    )
    settled = options.holds(least) == options.holds(most) and not accounts.unseen
    if (accounts.doubtful or accounts.unseen) and not options.settled_from(least) and not settled:
        return replace(
            verdict,
            status="not-verified",
            message=f"the network holds at least {least:,} numbers, but it is not known what "
            f"{_doubted(accounts)}",
            locations=tuple(call_location(op) for op in accounts.doubtful),
        )
    return verdict


def _doubted(accounts: Accounts) -> str:
    """Where more may be than is counted."""
    if not accounts.doubtful:
        return "an output is made of"
    if accounts.numbers and accounts.doubtful == accounts.numbers[:1]:
        return f"the {accounts.numbers[1]:,} numbers of Python are that forward computes with"
    return f"{name_of(accounts.doubtful[0])} reads or takes out"


def _unregistered(accounts: Accounts) -> tuple[Location, ...]:
    """Most of what a network holds beside its registered parameters."""
    largest = sorted(accounts.unregistered, key=lambda held: -held.size)[:3]
    return tuple(Location(held.place, "", f"{held.name} holds {held.size:,}") for held in largest)


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
