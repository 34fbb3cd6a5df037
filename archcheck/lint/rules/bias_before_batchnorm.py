"""``bias-before-batchnorm``: a bias that a batch normalisation takes away again."""

from __future__ import annotations

from archcheck.lint.base import Findings, LintRule, Sample, fault_of, register
from archcheck.lint.chains import name_of, only_reader
from archcheck.lint.linted import Linted
from archcheck.network import Network, Op
from archcheck.network.kinds import CONVOLUTIONS


@register
class BiasBeforeBatchnorm(LintRule):
    """
    ## What it finds
    A convolution or linear layer with a bias whose result only a batch normalisation reads. Layer
    and group normalisations are another matter: their means are taken over other channels.

    ## Why it matters
    The normalisation subtracts the mean of each channel, and the bias with it (Ioffe and Szegedy,
    2015, section 3.2). Without the bias the function is the same, with fewer parameters.

    ## Example
    ```python
    nn.Sequential(nn.Conv2d(3, 64, 3), nn.BatchNorm2d(64))  # bias=False
    ```

    ## When to ignore it
    Where weights that were trained with the bias have to fit.
    """

    name = "bias-before-batchnorm"
    severity = "warning"
    summary = "A batch normalisation takes the bias before it away."
    faulty = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 64, 3)  # <-
        self.norm = nn.BatchNorm2d(64)

    def forward(self, x):
        return self.norm(self.conv(x)).relu()
"""
        ),
    )
    sound = (
        Sample("nn.Sequential(nn.Conv2d(3, 64, 3, bias=False), nn.BatchNorm2d(64))"),
        Sample("nn.Sequential(nn.Conv2d(3, 64, 3), nn.GroupNorm(4, 64))"),
        Sample("nn.Sequential(nn.Conv2d(3, 64, 3), nn.ReLU(), nn.BatchNorm2d(64))"),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 64, 3)
        self.norm = nn.BatchNorm2d(64)

    def forward(self, x):
        x = self.conv(x)
        return x + self.norm(x)
"""
        ),
    )

    def find(self, linted: Linted) -> Findings:
        network = linted.network
        for op in network.ops:
            bias = _bias(network, op)
            reader = None if bias is None else only_reader(network, op, frozenset())
            if reader is not None and reader.kind == "batch_norm":
                yield fault_of(
                    op,
                    f"the bias is taken away again by {name_of(reader)}",
                    f"without the bias: {bias:,} parameters fewer, same function",
                )


def _bias(network: Network, op: Op) -> int | None:
    """How many parameters a layer's bias has; None if it has none."""
    bias = op.arguments.get("bias")
    if op.kind not in CONVOLUTIONS | {"linear"} or not isinstance(bias, dict):
        return None
    tensor = network.tensors[bias["tensor"]]
    if tensor.origin != "parameter":
        return None
    return next((p.size for p in network.parameters if p.name == tensor.name), None)
