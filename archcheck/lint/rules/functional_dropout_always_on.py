"""``functional-dropout-always-on``: a dropout that drops in evaluation."""

from __future__ import annotations

from collections.abc import Iterator

from archcheck.lint.base import Fault, Findings, LintRule, Sample, Severity, fault_of, register
from archcheck.lint.dropouts import dropout_rate
from archcheck.lint.linted import Linted
from archcheck.lint.module_calls import calls_around
from archcheck.lint.names import is_said
from archcheck.network import Call, Network, Op, kinds

_OFF_BY_DEFAULT = frozenset({"alpha_dropout", "feature_alpha_dropout"})
_ATTENTION = "scaled_dot_product_attention"
_WHOLE_ATTENTION = "multi_head_attention_forward"


@register
class FunctionalDropoutAlwaysOn(LintRule):
    """
    ## What it finds
    A dropout that drops values in evaluation: `F.dropout(x, 0.5)` without `training=`, a
    `nn.Dropout` that forward builds or that the network does not register, so that `eval()` never
    reaches it, `dropout_p` of an attention that is not 0 in evaluation. Where `training=True` is
    written out, as for a prenet that drops at test time on purpose, it only informs.

    ## Why it matters
    Predictions are random, and worse than they need be. The network of NTS-Net built its dropout
    in forward (yangze0930/NTS-Net#14).

    ## Example
    ```python
    x = F.dropout(x, 0.5)  # F.dropout(x, 0.5, training=self.training)
    ```

    ## When to ignore it
    Where the network is to be sampled at test time.
    """

    name = "functional-dropout-always-on"
    severity = "error"
    summary = "A dropout drops values in evaluation too."
    faulty = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        x = self.conv(x).relu().mean((2, 3))
        x = F.dropout(x, 0.5)  # <-
        return self.fc(x)
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        x = self.conv(x).relu().mean((2, 3))
        x = nn.Dropout(p=0.5)(x)  # <-
        return self.fc(x)
"""
        ),
        Sample(
            """
def regularised(x):
    return F.dropout2d(x)  # <-

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.drops = [nn.Dropout(0.1) for _ in range(2)]  # <-

    def forward(self, x):
        x = regularised(self.conv(x))
        for drop in self.drops:
            x = drop(x)
        return x
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(16, 48)
        self.dropout = 0.1

    def forward(self, x):
        q, k, v = self.qkv(x).chunk(3, -1)
        return F.scaled_dot_product_attention(q, k, v, dropout_p=self.dropout)  # <-
""",
            input=(9, 16),
        ),
    )
    sound = (
        Sample("nn.Sequential(nn.Conv2d(3, 8, 3), nn.Dropout(0.5), nn.Dropout2d(0.5))"),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.drop = [nn.Dropout(0.0)]

    def forward(self, x):
        x = F.dropout(self.conv(x), 0.5, training=self.training)
        x = F.dropout(x, 0.5, self.training)
        if self.training:
            x = F.dropout2d(x)
        return F.alpha_dropout(self.drop[0](F.dropout(x, 0.0)), 0.5)
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(16, 2, dropout=0.1, batch_first=True)
        self.lstm = nn.LSTM(16, 16, 2, dropout=0.1, batch_first=True)

    def forward(self, x):
        x = self.lstm(x)[0]
        dropout = 0.1 if self.training else 0.0
        x = F.scaled_dot_product_attention(x, x, x, dropout_p=dropout)
        return self.attention(x, x, x)[0]
""",
            input=(9, 16),
        ),
    )

    def find(self, linted: Linted) -> Findings:
        network = linted.network
        for op in network.ops:
            if _drops(op) and linted.subject.reach.possible(op):
                yield _fault(linted, op)


def _drops(op: Op) -> bool:
    """Whether an operation drops values."""
    arguments = op.arguments
    if op.kind == _ATTENTION:
        return _is_positive(arguments.get("dropout_p", 0))
    if op.kind == _WHOLE_ATTENTION:
        return bool(arguments.get("training", True)) and _is_positive(arguments.get("dropout_p"))
    if op.kind in kinds.RECURRENT:
        return bool(arguments.get("train")) and _is_positive(arguments.get("dropout"))
    if op.kind not in kinds.DROPOUTS:
        return False
    is_on = arguments.get("training", arguments.get("train", op.kind not in _OFF_BY_DEFAULT))
    return bool(is_on and dropout_rate(op))


def _is_positive(value: object) -> bool:
    return isinstance(value, (int, float)) and value > 0


def _fault(linted: Linted, op: Op) -> Fault:
    hidden = next(_unregistered(linted.network, op), None)
    severity: Severity = "error"
    if hidden is not None:
        how = "built in forward" if hidden.made else "not registered"
        text = (
            f"{hidden.type} is {how}: eval() does not reach it, and it drops values in evaluation"
        )
        remedy = "build it in __init__, as an attribute or in an nn.ModuleList"
    else:
        text = f"{op.kind} drops values in evaluation"
        remedy = "dropout_p=p if self.training else 0.0"
        if op.kind != _ATTENTION:
            remedy = "give it training=self.training"
            severity = "info" if _is_meant(linted, op) else "error"
    return fault_of(op, text, remedy, severity=severity)


def _is_meant(linted: Linted, op: Op) -> bool:
    """Whether the author says that it is in training, which is its default as well."""
    place = op.called
    text = linted.passes.sources.get(place.file) if place is not None else None
    return place is not None and text is not None and is_said(text, place, "training", 2)


def _unregistered(network: Network, op: Op) -> Iterator[Call]:
    return (call for call in calls_around(network, op.call) if not call.registered)
