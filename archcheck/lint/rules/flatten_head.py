"""``flatten-head``: a linear layer that joins a whole map, and holds most of the parameters."""

from __future__ import annotations

from archcheck.lint.base import Findings, LintRule, Sample, fault_of, register
from archcheck.lint.chains import RESHAPES, maker, name_of
from archcheck.lint.linted import Linted
from archcheck.network import Network, Op, kinds
from archcheck.phrases import shape_text

_KEPT = kinds.DROPOUTS | (kinds.ACTIVATIONS & kinds.ELEMENTWISE)


@register
class FlattenHead(LintRule):
    """
    ## What it finds
    A linear layer that reads a flattened map of several positions, and holds more than half of the
    network's parameters.

    ## Why it matters
    Most of the budget lies in one layer, which fits one size of input alone. A global average pool
    needs no parameters (Lin et al., "Network In Network", 2013).

    ## Example
    ```python
    nn.Sequential(nn.Conv2d(3, 64, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64 * 30 * 30, 10))
    ```

    ## When to ignore it
    Where positions matter to the answer, or a published network has to be as it is (VGG, AlexNet).
    """

    name = "flatten-head"
    severity = "warning"
    summary = "A linear layer over a flattened map holds most parameters."
    faulty = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 64, 3)
        self.head = nn.Linear(64 * 15 * 15, 10)  # <-

    def forward(self, x):
        x = F.max_pool2d(self.conv(x).relu(), 2)
        return self.head(F.dropout(x.view(-1, 64 * 15 * 15), 0.5, self.training))
"""
        ),
    )
    sound = (
        Sample(
            "nn.Sequential(nn.Conv2d(3, 64, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), "
            "nn.Linear(64, 100))"
        ),
        Sample("nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))"),
        Sample(
            "nn.Sequential(nn.Conv2d(3, 64, 3, 8), nn.Conv2d(64, 64, 3, 2), nn.Flatten(), "
            "nn.Linear(64, 10))"
        ),
        Sample(
            "nn.Sequential(nn.Conv2d(3, 1, 1), nn.ReLU(), nn.AdaptiveAvgPool2d((1, 8)), "
            "nn.Flatten(), nn.Linear(8, 100))"
        ),
    )

    def find(self, linted: Linted) -> Findings:
        network = linted.network
        sizes = {parameter.name: parameter.size for parameter in network.parameters}
        for op in network.ops:
            size = sum(sizes[name] for name in op.parameters) if op.kind == "linear" else 0
            if 2 * size <= network.num_parameters:
                continue
            sides = _flattened(network, op)
            if sides:
                share = 100 * size // network.num_parameters
                yield fault_of(
                    op,
                    f"{name_of(op)} reads a flattened map of {shape_text(sides)} and holds "
                    f"{size:,} of {network.num_parameters:,} parameters ({share} %)",
                    "average over the map first: AdaptiveAvgPool2d(1)",
                )


def _flattened(network: Network, op: Op) -> tuple[int, ...]:
    """The shape of the map that a linear layer reads flattened; empty if it is none."""
    flat = network.sample_shape(op.inputs[0])
    before = maker(network, op.inputs[0], RESHAPES | _KEPT)
    if before is None or len(flat) != 1:
        return ()
    sides = network.sample_shape(before.outputs[0])
    return sides if sum(side > 1 for side in sides) > 1 else ()
