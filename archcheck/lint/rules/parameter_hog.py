"""``parameter-hog``: a layer that holds most of the parameters."""

from __future__ import annotations

from archcheck.lint.base import Findings, LintRule, Sample, fault_of, register
from archcheck.lint.chains import name_of
from archcheck.lint.linted import Linted


@register
class ParameterHog(LintRule):
    """
    ## What it finds
    A layer that holds more than half of the parameters, in a network of at least four layers with
    parameters.

    ## Why it matters
    Whatever is saved elsewhere, the budget is spent there.

    ## Example
    ```python
    nn.Linear(4096, 4096)
    ```

    ## When to ignore it
    Where the network is meant so.
    """

    name = "parameter-hog"
    severity = "info"
    summary = "One layer holds more than half of the parameters."
    faulty = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 3),
            nn.ReLU(),
            nn.Conv2d(8, 512, 5),  # <-
            nn.ReLU(),
            nn.Conv2d(512, 4, 1),
            nn.BatchNorm2d(4),
        )

    def forward(self, x):
        return self.layers(x)
"""
        ),
    )
    sound = (
        Sample("nn.Sequential(*[nn.Conv2d(3, 3, 3) for _ in range(4)])"),
        Sample("nn.Conv2d(3, 64, 3)"),
    )

    def find(self, linted: Linted) -> Findings:
        network = linted.network
        sizes = {parameter.name: parameter.size for parameter in network.parameters}
        layers = {op.parameters: op for op in reversed(network.ops) if op.parameters}
        for names, op in layers.items():
            size = sum(sizes[name] for name in names)
            if len(layers) >= 4 and 2 * size > network.num_parameters:
                total = network.num_parameters
                share = 100 * size // total
                yield fault_of(
                    op, f"{name_of(op)} holds {size:,} of {total:,} parameters ({share} %)"
                )
