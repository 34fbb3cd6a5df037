"""``max-pool``: max pooling, as module or function."""

from archcheck.network import kinds
from archcheck.rules.base import Baseline, Example, Subject, Verdict, register
from archcheck.rules.baseline import forbidden
from archcheck.rules.counting import CountingRule, NearMiss, counted
from archcheck.rules.options import CountOptions


@register
class MaxPool(CountingRule):
    """
    ## What it does
    Counts the calls of max pools: `nn.MaxPool2d`, `F.max_pool2d`, adaptive ones, in one to three
    dimensions. A pool that is built but never called does not count.

    ## Why it matters
    Assignments ask for strided or dilated convolutions in place of pools.

    ## Example
    ```yaml
    rules:
      max-pool: forbidden
    ```

    ## References
    - [torch.nn.MaxPool2d](https://pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html)
    """

    name = "max-pool"
    summary = "The number of max pools."
    passes = (
        Example("nn.Sequential(nn.Conv2d(3, 8, 3), nn.AvgPool2d(2))", "forbidden"),
        Example("nn.MaxPool2d(2)", {"exactly": 1}),
    )
    fails = (
        Example("nn.MaxPool2d(2)", "forbidden"),
        Example("nn.AdaptiveMaxPool2d(1)", "forbidden"),
        Example(
            """
class Net(nn.Module):
    def forward(self, x):
        return torch.nn.functional.max_pool2d(x, 2)
""",
            "forbidden",
        ),
    )

    def check(self, subject: Subject, options: CountOptions) -> Verdict:
        ops = [op for op in subject.network.ops if op.kind in kinds.MAX_POOLS]
        near = [
            NearMiss(op, "is a pool, but no max pool")
            for op in subject.reaching(subject.network.ops)
            if op.kind in kinds.POOLS - kinds.MAX_POOLS
        ]
        return counted(subject, ops, options, noun="max pool", near=near)

    def baseline(self, subject: Subject) -> Baseline:
        return forbidden(self, subject)
