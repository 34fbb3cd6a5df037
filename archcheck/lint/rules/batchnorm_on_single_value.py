"""``batchnorm-on-single-value``: batch normalisations over maps of one position."""

from __future__ import annotations

from math import prod

from archcheck.lint.base import Findings, LintRule, Sample, fault_of, register
from archcheck.lint.linted import Linted
from archcheck.phrases import shape_text


@register
class BatchnormOnSingleValue(LintRule):
    """
    ## What it finds
    A batch normalisation over a map of a single position, 1x1: each sample has one value a channel.

    ## Why it matters
    In training it fails on a batch of one sample ("Expected more than 1 value per channel"), as the
    last batch of an epoch may be, and on small ones the statistics are those of a few numbers
    (Ioffe and Szegedy, 2015; Wu and He, 1803.08494, section 1).

    ## Example
    ```python
    nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(512, 256, 1), nn.BatchNorm2d(256))
    ```

    ## When to ignore it
    Where batches are large, and the last one of an epoch is dropped if it is not full.
    """

    name = "batchnorm-on-single-value"
    severity = "info"
    summary = "A batch normalisation has one value a channel and sample."
    faulty = (
        Sample("nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(3))  # <-"),
        Sample("nn.Sequential(nn.Conv1d(3, 8, 10), nn.BatchNorm1d(8))  # <-", (3, 10)),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(3))
        self.register_buffer("var", torch.ones(3))

    def forward(self, x):
        x = x.mean((2, 3, 4), keepdim=True)
        return F.batch_norm(x, self.mean, self.var, training=self.training)  # <-
""",
            (3, 4, 4, 4),
        ),
    )
    sound = (
        Sample("nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))"),
        Sample("nn.Sequential(nn.Flatten(), nn.Linear(3072, 8), nn.BatchNorm1d(8))"),
        Sample("nn.Sequential(nn.AdaptiveAvgPool2d((1, 2)), nn.BatchNorm2d(3))"),
        Sample("nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LayerNorm(3))"),
        Sample("nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.GroupNorm(1, 3))"),
    )

    def find(self, linted: Linted) -> Findings:
        network = linted.network
        for op in network.ops:
            if op.kind == "batch_norm" and linted.subject.reach.possible(op):
                shape = network.shape(op.inputs[0])
                if len(shape) > 2 and prod(shape[2:]) == 1 and shape[0] == network.batch:
                    yield fault_of(
                        op,
                        f"a batch normalisation over {shape_text(shape[1:])}: one value of each "
                        "sample for each channel, so that training fails on a batch of one",
                        "no normalisation here, or one over the channels",
                    )
