"""``reused-batchnorm``: one batch normalisation for several tensors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

from archcheck.lint.base import Fault, Findings, LintRule, Sample, Severity, fault_of, register
from archcheck.lint.linted import Linted
from archcheck.lint.module_calls import apart, follows
from archcheck.network import Network, Op
from archcheck.phrases import how_many, shape_text, some_of
from archcheck.rules.base import call_location

_LINES_SHOWN = 4
_MOST_PAIRS = 6
_WEIGHT: dict[Severity, int] = {"info": 0, "warning": 1, "error": 2}


@register
class ReusedBatchnorm(LintRule):
    """
    ## What it finds
    A batch normalisation with running statistics that is given several tensors in one pass. One
    behind the other it is an error; side by side, or within a block that is run again, a warning;
    within an encoder that several inputs go through it only informs.

    ## Why it matters
    It keeps one mean and one variance for tensors whose statistics differ, and evaluates all of
    them with the mixture. kanezaki/pytorch-unsupervised-segmentation#1 called one after every
    convolution; those of TabNet were shared with the shared layers in front of them
    (dreamquark-ai/tabnet, pull request 76).

    ## Example
    ```python
    x = self.norm(self.conv1(x))
    x = self.norm(self.conv2(x))  # a norm of its own
    ```

    ## When to ignore it
    Where the tensors have the same statistics by design.
    """

    name = "reused-batchnorm"
    severity = "error"
    summary = "One batch normalisation keeps the statistics of several tensors."
    faulty = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3)
        self.norm = nn.BatchNorm2d(8)  # <-

    def forward(self, x):
        x = self.norm(self.conv1(x)).relu()
        return self.norm(self.conv2(x)).relu()
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(3, 3, 3) for _ in range(3))
        self.norm = nn.BatchNorm2d(3)  # <-

    def forward(self, x):
        for conv in self.convs:
            x = self.norm(conv(x).relu())
        return x
"""
        ),
        Sample(
            """
def stack(norm):
    return nn.Sequential(nn.Conv2d(3, 3, 3), norm, nn.ReLU(), nn.Conv2d(3, 3, 3), norm)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = stack(nn.BatchNorm2d(3))  # <-

    def forward(self, x):
        return self.layers(x)
"""
        ),
        Sample(
            """
class Gated(nn.Module):
    def __init__(self, linear):
        super().__init__()
        self.linear = linear
        self.norm = nn.BatchNorm1d(8)  # <-

    def forward(self, x):
        return F.glu(self.norm(self.linear(x)))

class Step(nn.Module):
    def __init__(self, shared):
        super().__init__()
        self.shared = shared
        self.own = nn.Linear(4, 4)

    def forward(self, x):
        return self.own(self.shared(x))

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        shared = Gated(nn.Linear(4, 8))
        self.steps = nn.ModuleList(Step(shared) for _ in range(2))

    def forward(self, x):
        for step in self.steps:
            x = step(x)
        return x
""",
            input=(4,),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(3, 8, k, padding=k // 2) for k in (1, 3))
        self.norm = nn.BatchNorm2d(8)  # <-

    def forward(self, x):
        return self.norm(self.convs[0](x)) + self.norm(self.convs[1](x))
"""
        ),
    )
    sound = (
        Sample("nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Conv2d(8, 8, 3))"),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.norms = nn.ModuleList(nn.BatchNorm2d(3) for _ in range(2))

    def forward(self, x):
        levels = [x, F.max_pool2d(x, 2)]
        return [norm(self.conv(level)) for level, norm in zip(levels, self.norms)]
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3)
        self.norm = nn.GroupNorm(2, 8)
        self.plain = nn.BatchNorm2d(8, track_running_stats=False)

    def forward(self, x):
        x = self.plain(self.norm(self.conv1(x))).relu()
        return self.plain(self.norm(self.conv2(x))).relu()
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3)
        self.norm = nn.BatchNorm2d(8)

    def train(self, mode=True):
        super().train(mode)
        self.norm.eval()
        return self

    def forward(self, x):
        self.norm.eval()
        x = self.norm(self.conv1(x)).relu()
        return self.norm(self.conv2(x)).relu()
"""
        ),
    )

    def find(self, linted: Linted) -> Findings:
        network = linted.training or linted.network
        for ops in _by_statistics(network):
            severity = max(_severities(network, ops), key=_WEIGHT.__getitem__)
            yield _fault(network, ops, severity)


def _by_statistics(network: Network) -> Iterator[list[Op]]:
    """The batch normalisations with the same running statistics, where their inputs differ."""
    found: dict[str, dict[int, Op]] = {}
    for op in network.ops:
        mean = op.arguments.get("running_mean")
        if op.kind != "batch_norm" or not isinstance(mean, dict):
            continue
        name = network.tensors[mean["tensor"]].name
        if name and (op.arguments.get("training") or not network.training):
            found.setdefault(name, {}).setdefault(op.inputs[0], op)
    yield from (list(ops.values()) for ops in found.values() if len(ops) > 1)


def _severities(network: Network, ops: list[Op]) -> Iterator[Severity]:
    """What each two of some uses mean."""
    for one, other in list(combinations(ops, 2))[:_MOST_PAIRS]:
        chained = follows(network, one.outputs, other.inputs[:1])
        first, second = apart(network, one.call, other.call)
        again = first is not None and second is not None and first.module == second.module
        within = again and first is not None and first.index != one.call
        if chained:
            yield "warning" if within else "error"
        else:
            yield "info" if within else "warning"


def _fault(network: Network, ops: list[Op], severity: Severity) -> Fault:
    first = ops[0]
    shapes = dict.fromkeys(shape_text(network.sample_shape(op.inputs[0])) for op in ops)
    lines = dict.fromkeys(op.called.in_words for op in ops if op.called is not None)
    fault = fault_of(
        first,
        f"{first.module or 'one batch normalisation'} normalises {how_many(len(ops), 'tensor')} "
        f"({some_of(list(shapes), _LINES_SHOWN)}; {some_of(list(lines), _LINES_SHOWN)}) with one "
        "mean and one variance",
        "give each tensor a batch normalisation of its own",
        severity=severity,
    )
    others = tuple(dict.fromkeys(map(call_location, ops)))[:_LINES_SHOWN]
    called = tuple(op.called for op in ops if op.called is not None)
    return replace(fault, locations=(*fault.locations, *others), lines=(*fault.lines, *called))
