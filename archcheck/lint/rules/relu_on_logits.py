"""``relu-on-logits``: scores that a ReLU has cut off at zero."""

from __future__ import annotations

from archcheck.lint.base import Findings, LintRule, Sample, fault_of, register
from archcheck.lint.chains import name_of
from archcheck.lint.linted import Linted
from archcheck.lint.scores import last_activations

_CUT = frozenset({"relu", "relu6"})


@register
class ReluOnLogits(LintRule):
    """
    ## What it finds
    A ReLU between the layer that makes the scores of the classes and the output or the softmax,
    with or without a batch normalisation behind it. Where an average pool stands behind the ReLU
    and nothing else, as in SqueezeNet, it only informs: what is pooled may be features. One of
    several outputs has to go through a softmax: it may be features, too.

    ## Why it matters
    A class whose score falls below zero gets no gradient any more, and no probability near 0 can be
    said. A tutorial of PyTorch had one for years (pytorch/tutorials#1526).

    ## Example
    ```python
    nn.Sequential(nn.Linear(512, 10), nn.ReLU())
    ```

    ## When to ignore it
    Where the outputs are no scores, but amounts that are never negative.
    """

    name = "relu-on-logits"
    severity = "warning"
    summary = "A ReLU cuts scores off at zero."
    faulty = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(3072, 64),
            nn.ReLU(),
            nn.Linear(64, 10),
            nn.ReLU(),  # <-
        )

    def forward(self, x):
        return self.layers(x.flatten(1))
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Sequential(
            nn.Conv2d(3, 10, 1),
            nn.ReLU(),  # <-
            nn.BatchNorm2d(10),
            nn.AvgPool2d(32),
        )

    def forward(self, x):
        return F.log_softmax(self.head(x).view(-1, 10), dim=-1)
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 10, 1)

    def forward(self, x):
        x = F.relu(self.conv(x))  # <-
        return x.mean((2, 3)).softmax(1)
"""
        ),
    )
    sound = (
        Sample("nn.Sequential(nn.Flatten(), nn.Linear(3072, 64), nn.ReLU(), nn.Linear(64, 10))"),
        Sample("nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())"),
        Sample("nn.Sequential(nn.Flatten(), nn.Linear(3072, 10), nn.Softplus())"),
        Sample("nn.Sequential(nn.Flatten(), nn.Linear(3072, 1), nn.ReLU())"),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.places = nn.Conv2d(3, 8, 3)
        self.whole = nn.Linear(8, 16)

    def forward(self, x):
        x = F.relu(self.places(x))
        return x, F.relu(self.whole(x.mean((2, 3))))
"""
        ),
    )

    def find(self, linted: Linted) -> Findings:
        several = len(linted.network.outputs) > 1
        for last in last_activations(linted.network):
            if last.activation.kind not in _CUT or (several and last.normalised is None):
                continue
            may_be_features = last.pooled and last.normalised is None and not last.batch_norm
            yield fault_of(
                last.activation,
                f"{last.activation.kind} of what {name_of(last.layer)} makes: no score is below 0",
                "leave it out behind the last layer",
                severity="info" if may_be_features else None,
            )
