"""``max-pool``: max pooling, as module or function."""

from typing import Literal

from pydantic import Field

from archcheck.network import kinds
from archcheck.rules.base import Baseline, Example, Subject, Verdict, call_location, register
from archcheck.rules.baseline import forbidden
from archcheck.rules.counting import CountingRule, NearMiss, counted
from archcheck.rules.options import CountOptions
from archcheck.rules.roads.maxima import maxima


class MaxPoolOptions(CountOptions):
    """How many, and of what."""

    of: Literal["pools", "anything"] = Field(
        "pools",
        description="anything: whatever takes the largest of several positions counts too, or "
        "another one by its rank.",
    )


@register
class MaxPool(CountingRule):
    """
    ## What it does
    Counts the calls of max pools: `nn.MaxPool2d`, `F.max_pool2d`, adaptive ones, in one to three
    dimensions. A pool that is built but never called does not count.

    With `of: anything` everything counts that takes the largest, the smallest or another value by
    its rank out of several positions of a map: `amax`, `max`, `topk`, `sort`, `median` and the like
    over positions, also over those that `unfold`, a reshape or a stack of slices put side by side;
    `maximum` and `where` between shifted slices; `lp_pool2d` with a power above 2; and what leans
    to the largest: `logsumexp`, and values that a softmax of their own over the positions weighs,
    as in SoftPool. What may do so is *not verified*: comparisons of shifted slices, means of high
    powers, shares of exponentials, and a maximum behind a product with constants, which may move
    positions. A maximum over channels is none, nor is attention, whose weights come from other
    values.

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
    Options = MaxPoolOptions
    passes = (
        Example("nn.Sequential(nn.Conv2d(3, 8, 3), nn.AvgPool2d(2))", "forbidden"),
        Example("nn.MaxPool2d(2)", {"exactly": 1}),
        Example(
            """
class Net(nn.Module):
    def forward(self, x):
        return torch.maximum(x.amax(1, keepdim=True), x)
""",
            {"exactly": 0, "of": "anything"},
        ),
    )
    fails = (
        Example("nn.MaxPool2d(2)", "forbidden"),
        Example("nn.LPPool2d(8, 2)", {"exactly": 0, "of": "anything"}),
        Example(
            """
class Net(nn.Module):
    def forward(self, x):
        return x.reshape(-1, 3, 16, 2, 16, 2).amax((3, 5))
""",
            {"exactly": 0, "of": "anything"},
        ),
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

    def check(self, subject: Subject, options: MaxPoolOptions) -> Verdict:
        if options.of == "anything":
            found = maxima(subject)
            unseen = [call_location(op) for op in found.doubtful if subject.reach.possible(op)]
            return counted(subject, found.certain, options, noun="maximum", unseen=unseen)
        ops = [op for op in subject.network.ops if op.kind in kinds.MAX_POOLS]
        near = [
            NearMiss(op, "is a pool, but no max pool")
            for op in subject.reaching(subject.network.ops)
            if op.kind in kinds.POOLS - kinds.MAX_POOLS
        ]
        return counted(subject, ops, options, noun="max pool", near=near)

    def baseline(self, subject: Subject) -> Baseline:
        return forbidden(self, subject)
