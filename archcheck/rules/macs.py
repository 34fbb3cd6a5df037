"""``macs``: how many multiply-accumulates one forward pass takes."""

from archcheck.network import Network, Op
from archcheck.rules.base import (
    Baseline,
    Example,
    Location,
    Subject,
    Verdict,
    call_location,
    location,
    not_verified,
    register,
)
from archcheck.rules.baseline import at_most
from archcheck.rules.counting import CountingRule
from archcheck.rules.options import CountOptions


@register
class Macs(CountingRule):
    """
    ## What it does
    Counts the multiply-accumulates of convolutions, linear layers, matrix products, attention and
    recurrent layers for one sample. Biases, normalisation and elementwise work count nothing.
    Functions count as well as modules, and work on weights alone as well as work on the input:
    half of what `torch.utils.flop_counter` calls FLOPs, wherever it counts. Where the values of
    the input decide how much is done, the number is not verified.

    ## Why it matters
    Multiply-accumulates bound the time and the energy of a device; contests limit them.

    ## Example
    ```yaml
    rules:
      macs: {at_most: 30M}
    ```

    ## References
    - DCASE 2022 Challenge, Task 1: at most 30 million multiply-accumulates.
    """

    name = "macs"
    summary = "The number of multiply-accumulates of one forward pass."
    passes = (Example("nn.Conv2d(3, 8, 3, padding=1)", {"exactly": 221_184}),)
    fails = (
        Example("nn.Conv2d(3, 8, 3, padding=1)", {"less_than": "200k"}),
        Example("nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))", {"at_most": 30_000}),
    )

    def check(self, subject: Subject, options: CountOptions) -> Verdict:
        network = subject.network
        required = options.describe()
        macs = network.macs
        if macs is None:
            causes = {network.blamed(op).index: None for op in network.uncounted_ops}
            places = tuple(_unknown(network.ops[index]) for index in causes)
            reason = "; ".join(_reasons(network)) or "a part was not seen"
            return not_verified(required, reason, places or subject.opaque)
        locations: tuple[Location, ...] = ()
        if not options.holds(macs) and macs > (options.least() or 0):
            locations = _heaviest(network, macs)
        return Verdict(
            status="passed" if options.holds(macs) else "failed",
            found=macs,
            found_text=f"{macs:,}",
            required=required,
            message=f"one forward pass takes {macs:,} MACs; {options.demand('MACs')}",
            locations=locations,
            note=_on_constants(network),
        )

    def baseline(self, subject: Subject) -> Baseline:
        return at_most(self, subject)


def _reasons(network: Network) -> list[str]:
    """Why the multiply-accumulates are not known: kinds of no known cost, and values that decide
    how much is done."""
    blamed = [(op, network.blamed(op)) for op in network.uncounted_ops]
    unknown = [op.function for op, cause in blamed if op is cause and op.outputs]
    taken = [cause.function for _, cause in blamed if not cause.outputs]
    sizes = [cause.function for op, cause in blamed if op is not cause and cause.outputs]
    sentences = (
        (unknown, "the cost of {} is not known"),
        (taken, "{} takes a value out of the network: what is done with it is not known"),
        (sizes, "the values of the input decide how large the result of {} is"),
    )
    return [text.format(", ".join(dict.fromkeys(names))) for names, text in sentences if names]


def _unknown(op: Op) -> Location:
    return call_location(op, "" if op.outputs else "the value leaves torch here")


def _on_constants(network: Network) -> str:
    count = network.constant_macs
    return f"{count:,} of them depend on no input" if count else ""


def _heaviest(network: Network, total: int) -> tuple[Location, ...]:
    """The operations that take most of the work."""
    ops = sorted(network.ops, key=lambda op: -(network.op_macs(op) or 0))[:3]
    return tuple(
        location(op, f"{op.module or op.kind} takes {macs:,} of them ({macs / total:.0%})")
        for op in ops
        if (macs := network.op_macs(op))
    )
