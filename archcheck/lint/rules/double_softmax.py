"""``double-softmax``: a softmax of what a softmax gave."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from archcheck.lint.base import Fault, Findings, LintRule, Sample, fault_of, register
from archcheck.lint.chains import RESHAPES, name_of
from archcheck.lint.linted import Linted
from archcheck.lint.softmaxes import Softmax, softmaxes
from archcheck.network import Network, Op, kinds
from archcheck.network.moves import TRANSPOSES, axes_in_order
from archcheck.rules.base import location

_REMEDY = "take one of them out"
_THROUGH = RESHAPES | kinds.DROPOUTS | TRANSPOSES


@register
class DoubleSoftmax(LintRule):
    """
    ## What it finds
    A softmax or log-softmax of the probabilities that a softmax gave along the same axis, with
    nothing in between but reshapes, transposes and dropout. A softmax of logarithms, as of a
    log-softmax, gives the same probabilities again and is none; nor are softmaxes along two axes.

    ## Why it matters
    Probabilities lie between 0 and 1, so that those of a softmax of them are nearly alike: with ten
    classes none reaches a quarter, and the loss hardly falls.

    ## Example
    ```python
    scores = self.head(x).softmax(1)
    return F.log_softmax(scores, 1)
    ```

    ## When to ignore it
    Where the probabilities are meant to be flattened.
    """

    name = "double-softmax"
    severity = "error"
    summary = "A softmax of probabilities flattens them."
    faulty = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Sequential(nn.Linear(8, 5), nn.Softmax(1))

    def forward(self, x):
        return F.log_softmax(self.head(x), -1)  # <-
""",
            (8,),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.score = nn.Conv2d(3, 5, 1)
        self.probabilities = nn.Softmax(dim=-1)  # <-

    def forward(self, x):
        x = torch.softmax(self.score(x), dim=1)
        return self.probabilities(x.flatten(2).transpose(1, 2))
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.score = nn.Linear(8, 4)
        self.drop = nn.Dropout(0.1)

    def forward(self, x):
        gates = self.drop(self.score(x).softmax(-1)).unsqueeze(1)
        gates = F.gumbel_softmax(gates, dim=2)  # <-
        return gates * x.unsqueeze(-1)
""",
            (8,),
        ),
        Sample(
            "nn.Sequential(nn.Linear(8, 5), nn.Softmax(1), nn.Softmax(1))  # <-",
            (8,),
        ),
    )
    sound = (
        Sample("nn.Sequential(nn.Linear(8, 5), nn.LogSoftmax(1))", (8,)),
        Sample("nn.Sequential(nn.Linear(8, 5), nn.LogSoftmax(1), nn.Softmax(1))", (8,)),
        Sample("nn.Sequential(nn.Conv2d(3, 4, 1), nn.Softmax(2), nn.Softmax(3))"),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.queries = nn.Linear(8, 8)
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        q = self.queries(x)
        x = (q @ x.transpose(1, 2)).softmax(-1) @ x
        x = (q @ x.transpose(1, 2)).softmax(-1) @ x
        return self.head(x.mean(1)).softmax(-1)
""",
            (7, 8),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.score = nn.Linear(8, 5)

    def forward(self, x):
        scores = self.score(x)
        gates = scores.softmax(1) * scores
        return gates.softmax(1), scores.softmax(2).transpose(1, 2).softmax(2)
""",
            (7, 8),
        ),
    )

    def find(self, linted: Linted) -> Findings:
        network = linted.network
        found = {softmax.op.index: softmax for softmax in softmaxes(network)}
        for softmax in found.values():
            first = _probabilities(network, softmax, found)
            if first is not None:
                yield _fault(first.op, softmax.op)


def _probabilities(network: Network, second: Softmax, found: dict[int, Softmax]) -> Softmax | None:
    """The softmax whose probabilities another one reads, along the same axis."""
    axis: int | None = second.axis
    op = network.producer(second.op.inputs[0])
    while op is not None and axis is not None:
        first = found.get(op.index)
        if first is not None:
            return first if first.axis == axis and not first.logarithm else None
        axis = _axis_before(network, op, axis) if op.kind in _THROUGH and op.inputs else None
        op = network.producer(op.inputs[0]) if axis is not None else None
    return None


def _axis_before(network: Network, op: Op, axis: int) -> int | None:
    """Where an axis of a result was in what an operation reads; None if it was none."""
    before, after = network.shape(op.inputs[0]), network.shape(op.outputs[0])
    if op.kind in TRANSPOSES:
        order = axes_in_order(op, len(before))
        return None if order is None else order[axis]
    ahead, size = prod(after[:axis]), after[axis]
    axes = (at for at, side in enumerate(before) if side == size and prod(before[:at]) == ahead)
    return next(axes, None)


def _fault(first: Op, second: Op) -> Fault:
    text = f"{name_of(second)} takes the probabilities of {name_of(first)} for scores: they differ "
    fault = fault_of(second, f"{text}by 1 at most, so that the results are nearly alike", _REMEDY)
    return replace(fault, locations=(*fault.locations, location(first, "probabilities")))
