"""``double-activation``: an activation of what an activation has made."""

from __future__ import annotations

from archcheck.lint.base import Findings, LintRule, Sample, fault_of, register
from archcheck.lint.chains import RESHAPES, maker, name_of
from archcheck.lint.linted import Linted
from archcheck.network import kinds

_ACTIVATIONS = (kinds.ACTIVATIONS & kinds.ELEMENTWISE) - {"threshold", "hardshrink", "softshrink"}
_NEVER_NEGATIVE = frozenset("relu relu6 sigmoid hardsigmoid softplus".split())
_KEEP_POSITIVE = frozenset("relu leaky_relu prelu rrelu elu celu".split())
"""The activations that leave what is not negative as it is."""


@register
class DoubleActivation(LintRule):
    """
    ## What it finds
    An activation whose operand comes from an activation of the same kind, or from one that gives
    nothing that the second would change: a ReLU of a ReLU, of a sigmoid.

    ## Why it matters
    The second one does nothing, or squeezes twice: a layer between them, or its call, was
    forgotten.

    ## Example
    ```python
    x = F.relu(self.block(x))  # block ends with a ReLU
    ```

    ## When to ignore it
    Where a block has to be used as it is, and the second activation costs too little to matter.
    """

    name = "double-activation"
    severity = "warning"
    summary = "An activation of what an activation has made."
    faulty = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(inplace=True))

    def forward(self, x):
        return F.relu(self.block(x))  # <-
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.act = nn.PReLU()  # <-

    def forward(self, x):
        return self.act(self.conv(x).sigmoid().flatten(1))
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def forward(self, x):
        x = torch.tanh(x)
        return torch.tanh(x)  # <-
"""
        ),
    )
    sound = (
        Sample("nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU())"),
        Sample("nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.BatchNorm2d(8), nn.ReLU())"),
        Sample("nn.Sequential(nn.Conv2d(3, 8, 3), nn.GELU(), nn.Sigmoid())"),
        Sample("nn.Sequential(nn.Conv2d(3, 8, 3), nn.LeakyReLU(), nn.Tanh())"),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        y = self.conv(x.relu()).relu()
        return (x.relu() + y).relu()
"""
        ),
    )

    def find(self, linted: Linted) -> Findings:
        network = linted.network
        for op in network.ops:
            first = maker(network, op.inputs[0], RESHAPES) if op.kind in _ACTIVATIONS else None
            if first is None or first.kind not in _ACTIVATIONS:
                continue
            kept = first.kind in _NEVER_NEGATIVE and op.kind in _KEEP_POSITIVE
            if kept or op.kind == first.kind:
                what = "and changes nothing" if kept else "once more"
                yield fault_of(
                    op,
                    f"{op.kind} of what {name_of(first)} ({first.kind}) has made, {what}",
                    "leave one of them out, or call the layer that belongs between them",
                )
