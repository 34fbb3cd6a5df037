"""``activation-on-output``: an output that the loss takes for something else."""

from __future__ import annotations

from archcheck.lint.base import Fault, Findings, LintRule, Sample, fault_of, register
from archcheck.lint.chains import maker, name_of
from archcheck.lint.linted import Linted
from archcheck.network import Network, Op, kinds

_LAYERS = kinds.CONVOLUTIONS | {"linear"}
_PROBABILITIES = frozenset({"softmax", "sigmoid"})
_TAKES = {
    "cross-entropy": "scores as the layer makes them, and takes their softmax itself",
    "bce-with-logits": "scores as the layer makes them, and takes their sigmoid itself",
    "nll": "the logarithms of probabilities",
    "bce": "probabilities",
}
_UNFIT = {
    "cross-entropy": _PROBABILITIES | {"tanh"},
    "bce-with-logits": _PROBABILITIES | {"tanh", "log_softmax"},
    "nll": _PROBABILITIES | {"tanh"} | _LAYERS,
    "bce": _LAYERS | {"log_softmax", "tanh"},
}


@register
class ActivationOnOutput(LintRule):
    """
    ## What it finds
    An output that does not fit the loss, which `--loss`, a spec's `lint:` or the settings say:
    probabilities where `cross-entropy` or `bce-with-logits` takes scores, scores where `nll` or
    `bce` takes probabilities. Where the loss is not said, a softmax or sigmoid at the output only
    informs. A log-softmax in front of `cross-entropy` changes nothing.

    ## Why it matters
    A softmax twice flattens the gradients: the loss of a right answer cannot fall below 1.46 for
    ten classes. Training goes on, slowly (NaJaeMin92/pytorch-DANN#7: the softmax in the model, the
    loss in another file).

    ## Example
    ```python
    return self.fc(x).softmax(1)  # criterion = nn.CrossEntropyLoss()
    ```

    ## When to ignore it
    Where the training takes another road than the traced forward.
    """

    name = "activation-on-output"
    severity = "warning"
    summary = "The output is not what the loss takes."
    faulty = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3072, 10)

    def forward(self, x):
        return torch.softmax(self.fc(x.flatten(1)), dim=1)  # <-
""",
            loss="cross-entropy",
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))  # <-

    def forward(self, x):
        return self.layers(x)
""",
            loss="nll",
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 1)
        self.last = nn.Sigmoid()  # <-

    def forward(self, x):
        return self.last(self.conv(x)).squeeze(1)
""",
            loss="bce-with-logits",
        ),
    )
    sound = (
        Sample("nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))", loss="cross-entropy"),
        Sample(
            "nn.Sequential(nn.Flatten(), nn.Linear(3072, 10), nn.LogSoftmax(1))",
            loss="cross-entropy",
        ),
        Sample("nn.Sequential(nn.Flatten(), nn.Linear(3072, 10), nn.LogSoftmax(1))", loss="nll"),
        Sample("nn.Sequential(nn.Conv2d(3, 1, 1), nn.Sigmoid())", loss="bce"),
        Sample("nn.Sequential(nn.Conv2d(3, 3, 1), nn.Sigmoid())", loss="mse"),
    )

    def find(self, linted: Linted) -> Findings:
        network, loss = linted.network, linted.loss
        seen = set()
        for label, tensor in network.outputs:
            last = maker(network, tensor)
            if last is None or last.index in seen:
                continue
            seen.add(last.index)
            if last.kind in _UNFIT.get(loss, ()):
                yield _unfit(last, label, loss)
            elif not loss and last.kind in _PROBABILITIES and _of_a_layer(network, last):
                yield fault_of(
                    last,
                    f"{_output(label)} is a {last.kind}: cross-entropy and bce-with-logits take "
                    "scores",
                    "say the loss: --loss cross-entropy",
                    severity="info",
                )


def _unfit(last: Op, label: str, loss: str) -> Fault:
    name = name_of(last)
    made = f"the {'scores' if last.kind in _LAYERS else last.kind} of {name}"
    if name == last.kind:
        made = f"what {name} gives"
    advice = "put a log-softmax behind it" if loss == "nll" else "leave it out"
    return fault_of(
        last,
        f"{_output(label)} is {made}, and {loss} takes {_TAKES[loss]}",
        "put a sigmoid behind it" if loss == "bce" else advice,
    )


def _output(label: str) -> str:
    return f"output {label}" if label else "the output"


def _of_a_layer(network: Network, op: Op) -> bool:
    layer = maker(network, op.inputs[0])
    return layer is not None and layer.kind in _LAYERS
