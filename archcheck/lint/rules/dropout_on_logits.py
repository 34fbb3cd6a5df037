"""``dropout-on-logits``: a dropout behind the last layer."""

from __future__ import annotations

from archcheck.lint.base import Findings, LintRule, Sample, fault_of, register
from archcheck.lint.chains import RESHAPES, maker, name_of
from archcheck.lint.dropouts import dropout_rate
from archcheck.lint.linted import Linted
from archcheck.lint.scores import POOLING
from archcheck.network import kinds
from archcheck.phrases import shape_text

_LAYERS = kinds.CONVOLUTIONS | {"linear"}
_BEHIND = RESHAPES | POOLING | {"softmax", "log_softmax", "sigmoid"}


@register
class DropoutOnLogits(LintRule):
    """
    ## What it finds
    A dropout between the last convolution or linear layer and the scores that the network returns,
    with nothing but pools, views, a softmax or a sigmoid in between.

    ## Why it matters
    In training it sets scores of classes to zero and doubles others, the right one among them: the
    loss is punished for what the network got right. Dropout belongs in front of the last layer
    (Srivastava et al., 2014: hidden and input units).

    ## Example
    ```python
    return self.dropout(self.fc(x))  # self.fc(self.dropout(x))
    ```

    ## When to ignore it
    Where what is returned are features for another network, not scores.
    """

    name = "dropout-on-logits"
    severity = "error"
    summary = "A dropout behind the last layer drops scores."
    faulty = (
        Sample("nn.Sequential(nn.Flatten(), nn.Linear(3072, 10), nn.Dropout(0.5))  # <-"),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        x = self.conv(x).relu().mean((2, 3))
        x = F.dropout(self.fc(x), training=self.training)  # <-
        return F.log_softmax(x, dim=1)
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
        self.classifier = nn.Conv2d(8, 10, 1)
        self.drop = nn.Dropout2d(0.1)  # <-

    def forward(self, x):
        x = self.drop(self.classifier(self.features(x)))
        return F.adaptive_avg_pool2d(x, 1).flatten(1)
"""
        ),
    )
    sound = (
        Sample("nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(3072, 10))"),
        Sample("nn.Sequential(nn.Flatten(), nn.Linear(3072, 10), nn.Dropout(0.0))"),
        Sample("nn.Sequential(nn.Flatten(), nn.Linear(3072, 64), nn.ReLU(), nn.Dropout(0.5))"),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.mix = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16), nn.Dropout(0.1))
        self.norm = nn.LayerNorm(16)

    def forward(self, x):
        return self.norm(x + self.mix(x))
""",
            input=(9, 16),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(16, 32)
        self.mix = nn.Sequential(nn.Linear(32, 64), nn.GELU(), nn.Linear(64, 32), nn.Dropout(0.1))

    def forward(self, x):
        return self.mix(self.embed(x))
""",
            input=(9, 16),
        ),
    )

    def find(self, linted: Linted) -> Findings:
        network = linted.training or linted.network
        for _, tensor in network.outputs:
            shape = network.sample_shape(tensor)
            dropout = maker(network, tensor, _BEHIND)
            if dropout is None or dropout.kind not in kinds.DROPOUTS or dropout_rate(dropout) == 0:
                continue
            layer = maker(network, dropout.inputs[0], RESHAPES | POOLING)
            if (
                layer is not None
                and layer.kind in _LAYERS
                and len([s for s in shape if s > 1]) == 1
            ):
                yield fault_of(
                    dropout,
                    f"{dropout.kind} drops {shape_text(shape)} scores that {name_of(layer)} makes",
                    f"put it in front of {name_of(layer)}",
                )
