"""``deep-plain-stack``: many convolutions in a row without a way around them."""

from __future__ import annotations

from archcheck.lint.base import Findings, LintRule, Sample, fault_of, register
from archcheck.lint.linted import Linted
from archcheck.network import Network, Op, kinds
from archcheck.network.kinds import values_read

DEEP = 20


@register
class DeepPlainStack(LintRule):
    """
    ## What it finds
    A run of 20 or more convolutions, one behind the other, that no sum and no concatenation leads
    around.

    ## Why it matters
    Deeper plain networks train worse than shallower ones (He et al., "Deep Residual Learning for
    Image Recognition", 2015).

    ## Example
    ```python
    nn.Sequential(*[nn.Conv2d(64, 64, 3, padding=1) for _ in range(30)])
    ```

    ## When to ignore it
    Where it trains well.
    """

    name = "deep-plain-stack"
    severity = "info"
    summary = "20 or more convolutions in a row have no way around them."
    faulty = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        layers = []
        for _ in range(21):
            layers += [nn.Conv2d(3, 3, 3, padding=1), nn.ReLU()]  # <-
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return self.layers(x)
"""
        ),
    )
    sound = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(3, 3, 3, padding=1) for _ in range(21))

    def forward(self, x):
        for layer in self.layers:
            x = x + layer(x).relu()
        return x
"""
        ),
        Sample("nn.Sequential(*[nn.Conv2d(3, 3, 3, padding=1) for _ in range(19)])"),
    )

    def find(self, linted: Linted) -> Findings:
        network = linted.network
        depths: dict[int, int] = {}
        longest: Op | None = None
        deepest = DEEP - 1
        for op in network.ops:
            depth = _depth(network, op, depths)
            depths.update(dict.fromkeys(op.outputs, depth))
            if depth > deepest:
                longest, deepest = op, depth
        if longest is not None:
            yield fault_of(
                longest,
                f"{deepest} convolutions stand in a row, and no sum or concatenation leads around",
                "add the operand of a block to its result",
            )


def _depth(network: Network, op: Op, depths: dict[int, int]) -> int:
    """How many convolutions lie in a row behind an operation; a join begins anew."""
    driven = [t for t in values_read(op.kind, op.inputs) if t in network.driven]
    if len(driven) != 1:
        return 0
    return depths.get(driven[0], 0) + (op.kind in kinds.CONVOLUTIONS)
