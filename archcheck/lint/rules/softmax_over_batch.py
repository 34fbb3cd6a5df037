"""``softmax-over-batch``: a softmax along the axis that holds the samples of the batch."""

from __future__ import annotations

from archcheck.lint.base import Findings, LintRule, Sample, fault_of, register
from archcheck.lint.linted import Linted
from archcheck.lint.softmaxes import softmaxes
from archcheck.phrases import shape_text


@register
class SoftmaxOverBatch(LintRule):
    """
    ## What it finds
    A softmax or log-softmax along an axis that holds the samples of the batch, alone or with
    others, in what an output for one sample depends on.

    ## Why it matters
    The probabilities of a sample depend on the other samples, and those of its own classes do not
    add up to one. A mixture density network normalised over the batch (ctallec/world-models#10), a
    text classifier over all words of all samples (PetrochukM/PyTorch-NLP#2).

    ## Example
    ```python
    torch.log_softmax(logits, dim=-2)  # logits: (batch, classes)
    ```

    ## When to ignore it
    Where samples compete on purpose, as in an assignment that is balanced over the batch.
    """

    name = "softmax-over-batch"
    severity = "error"
    summary = "A softmax runs over the samples of the batch."
    faulty = (
        Sample("nn.Sequential(nn.Linear(8, 5), nn.Softmax(0))  # <-", (8,)),
        Sample("nn.Sequential(nn.Linear(8, 5), nn.LogSoftmax(-2))  # <-", (8,)),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.score = nn.Linear(8, 1)

    def forward(self, x):
        score = self.score(x.reshape(-1, 8))
        weight = F.softmax(score, 0)  # <-
        return (weight.view(-1, 7, 1) * x).sum(1)
""",
            (7, 8),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.score = nn.Linear(8, 4)

    def forward(self, x):
        weight = self.score(x).softmax(0)  # <-
        return weight.transpose(1, 2) @ x
""",
            (7, 8),
        ),
    )
    sound = (
        Sample("nn.Sequential(nn.Linear(8, 5), nn.Softmax(1))", (8,)),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.score = nn.Linear(8, 4)

    def forward(self, x):
        x = x.transpose(0, 1)
        return (self.score(x).softmax(0).unsqueeze(-1) * x.unsqueeze(-2)).sum(0)
""",
            (7, 8),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.slots = nn.Parameter(torch.rand(5, 8))

    def forward(self, x):
        return (self.slots.softmax(0) @ x.transpose(1, 2)).softmax(1)
""",
            (7, 8),
        ),
    )

    def find(self, linted: Linted) -> Findings:
        several = linted.several
        if several is None:
            return
        softmax_at = {softmax.op.index: softmax for softmax in softmaxes(several)}
        for mix in linted.mixing.mixes:
            softmax = softmax_at.get(mix.op.index)
            if softmax is not None:
                shape = shape_text(several.shape(mix.op.inputs[0]))
                text = f"softmax along axis {softmax.axis} of {shape}, which holds the samples of "
                yield fault_of(
                    mix.op,
                    f"{text}a batch of {several.batch}",
                    "name the dimension of the classes or positions",
                )
