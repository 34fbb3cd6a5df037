"""``softmax-of-one``: a softmax over an axis that has one element."""

from __future__ import annotations

from archcheck.lint.base import Findings, LintRule, Sample, fault_of, register
from archcheck.lint.linted import Linted
from archcheck.lint.softmaxes import softmaxes
from archcheck.phrases import shape_text


@register
class SoftmaxOfOne(LintRule):
    """
    ## What it finds
    A softmax along an axis that has one element. It gives 1 whatever the input is, a log-softmax
    gives 0.

    ## Why it matters
    What makes its input is never trained: its gradient is zero. SwiftFormer (ICCV 2023) was
    published with one (Amshaker/SwiftFormer#2).

    ## Example
    ```python
    weights = torch.softmax(self.score(x), dim=-1)  # score has one output
    ```

    ## When to ignore it
    Where the number of elements is a setting that is 1 in this configuration alone.
    """

    name = "softmax-of-one"
    severity = "error"
    summary = "A softmax over one element is constant."
    faulty = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.score = nn.Conv2d(3, 1, 1)

    def forward(self, x):
        return x * self.score(x).softmax(1)  # <-
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(3072, 1), nn.LogSoftmax(-1))  # <-

    def forward(self, x):
        return self.head(x)
"""
        ),
    )
    sound = (
        Sample("nn.Sequential(nn.Conv2d(3, 2, 1), nn.Softmax(1))"),
        Sample("nn.Sequential(nn.Conv2d(3, 1, 1), nn.Softmax(2))"),
        Sample("nn.Sequential(nn.Conv2d(3, 1, 1), nn.Sigmoid())"),
    )

    def find(self, linted: Linted) -> Findings:
        network = linted.several or linted.network
        for softmax in softmaxes(network):
            shape = network.shape(softmax.op.inputs[0])
            if shape[softmax.axis] == 1:
                constant = 0 if softmax.logarithm else 1
                text = f"softmax along axis {softmax.axis} of {shape_text(shape)}, which has one "
                yield fault_of(
                    softmax.op,
                    f"{text}element: the result is {constant} whatever the input is",
                    "take a sigmoid of one score, or name another axis",
                )
