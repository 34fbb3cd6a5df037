"""``batch-size-changes-rank``: with one sample a network is another than with several."""

from __future__ import annotations

from collections.abc import Iterator

from archcheck.evidence import NotRun
from archcheck.lint.base import Fault, Findings, LintRule, Sample, fault_of, register
from archcheck.lint.chains import name_of
from archcheck.lint.linted import Linted
from archcheck.network import Network, Op, kinds
from archcheck.network.graph import Paths
from archcheck.phrases import shape_text
from archcheck.rules.base import Location, call_location

_LAYERS = (
    kinds.CONVOLUTIONS
    | kinds.TRANSPOSED_CONVOLUTIONS
    | kinds.LINEAR
    | kinds.NORMALIZATIONS
    | kinds.ACTIVATIONS
    | kinds.POOLS
    | kinds.RECURRENT
    | kinds.ATTENTION
)


@register
class BatchSizeChangesRank(LintRule):
    """
    ## What it finds
    An output that has another number of axes with one sample than with several, for a `squeeze()`
    without a dimension took the batch's axis away too; a forward that raises with one sample and
    not with several; layers that run with one sample only, or with several only.

    ## Why it matters
    Training runs, and the last batch of an epoch or a single image at test time fails, or is taken
    for something else (layumi/Person_reID_baseline_pytorch#77).

    ## Example
    ```python
    x = torch.squeeze(self.pool(x))  # flatten(1)
    ```

    ## When to ignore it
    Where a network is made for batches of one size alone.
    """

    name = "batch-size-changes-rank"
    severity = "warning"
    summary = "With one sample the network is another than with several."
    faulty = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        x = F.adaptive_avg_pool2d(self.conv(x), 1)
        x = torch.squeeze(x)  # <-
        return self.head(x)
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm1d(8)

    def forward(self, x):
        x = self.conv(x).mean((2, 3), keepdim=True)
        x = x.squeeze()  # <-
        return self.norm(x).relu()
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.score = nn.Linear(8, 1)

    def forward(self, x):
        return self.score(x).squeeze()  # <-
""",
            (8,),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 8)
        self.norm = nn.LayerNorm(8)

    def forward(self, x):
        x = self.layer(x)
        if x.shape[0] > 1:
            x = self.norm(x)  # <-
        return x
""",
            (8,),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 8)

    def forward(self, x):
        x = self.layer(x)
        return x - torch.stack([x[0], x[1]]).mean(0)  # <-
""",
            (8,),
        ),
    )
    sound = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.head = nn.Linear(8, 1)

    def forward(self, x):
        x = F.adaptive_avg_pool2d(self.conv(x), 1).squeeze(-1).squeeze(-1)
        return self.head(x).squeeze(1)
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        x = F.adaptive_avg_pool2d(self.conv(x), 1).squeeze()
        if x.dim() == 1:
            x = x.unsqueeze(0)
        return self.head(x)
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        pooled = self.conv(x).mean((2, 3), keepdim=True).squeeze()
        return self.head(pooled.view(x.size(0), -1))
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 8)

    def forward(self, x):
        return torch.cat([self.layer(each).relu().unsqueeze(0) for each in x])
""",
            (8,),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.queries = 5
        self.head = nn.Conv2d(8, 1, 3)

    def forward(self, x):
        samples = x.shape[0]
        x = x.unsqueeze(1).repeat(1, self.queries, 1, 1, 1).flatten(0, 1)
        x = self.head(x)
        return x.view(samples, self.queries, x.shape[-2], x.shape[-1])
""",
            (8, 6, 6),
        ),
    )

    def find(self, linted: Linted) -> Findings:
        single, several = linted.passes.single, linted.several
        if several is None:
            return
        if isinstance(single, NotRun):
            yield from _not_run(single, several, linted)
            return
        lost = list(_losing(single, several))
        yield from lost
        if not lost:
            yield from _other_layers(single, several)


def _not_run(single: NotRun, several: Network, linted: Linted) -> Iterator[Fault]:
    """What is told of a forward that raises with one sample alone."""
    if any(mix.op.called == single.place for mix in linted.mixing.mixes):
        return  # it takes several samples for one
    reason = f"with one sample {single.reason}; with {several.batch} it runs"
    raising = Location(single.place, "", "raises")
    for op in _may_lose(several, linted):
        yield Fault(
            f"{name_of(op)} takes the batch's axis away from one sample: {reason}",
            (call_location(op), raising),
            _REMEDY,
            lines=tuple(filter(None, (op.called, single.place))),
        )
        return
    yield Fault(reason, (raising,))


_REMEDY = "name the dimensions, as in squeeze((2, 3)), or take flatten(1)"


def _may_lose(several: Network, linted: Linted) -> Iterator[Op]:
    """The squeezes that also take away the axis of a batch of one."""
    for op in several.ops:
        unnamed = op.kind == "squeeze" and op.arguments.get("dim") is None
        if unnamed and several.depends(op) and several.batched(op.inputs[0]):
            yield op


def _losing(single: Network, several: Network) -> Iterator[Fault]:
    """The operations from which on a tensor that leads to such an output has other axes."""
    ranks = {label: len(single.shape(tensor)) for label, tensor in single.outputs}
    changed = [
        tensor
        for label, tensor in several.outputs
        if len(several.shape(tensor)) != ranks.get(label, len(several.shape(tensor)))
    ]
    for one, other in zip(single.ops, several.ops, strict=False):
        if one.kind != other.kind or one.outputs != other.outputs:
            return
        changes = not _differs(single, several, one.inputs)
        changes = changes and _differs(single, several, one.outputs)
        if changes and any(_leads(several, other, output) for output in changed):
            yield _lost(single, several, other)


def _differs(single: Network, several: Network, tensors: tuple[int, ...]) -> bool:
    return any(len(single.shape(t)) != len(several.shape(t)) for t in tensors)


def _leads(network: Network, op: Op, output: int) -> bool:
    return any(output in Paths(network, tensor, output).tensors for tensor in op.outputs)


def _lost(single: Network, several: Network, op: Op) -> Fault:
    shapes = [
        f"{shape_text(network.shape(op.inputs[0]))} → {shape_text(network.shape(op.outputs[0]))}"
        for network in (several, single)
    ]
    text = f"{name_of(op)} takes the batch's axis away from one sample ({shapes[1]}), not from "
    return fault_of(op, f"{text}{several.batch} ({shapes[0]})", _REMEDY)


def _other_layers(single: Network, several: Network) -> Iterator[Fault]:
    """The first layer that runs with one sample only, or with several only."""
    for network, other, when in (
        (several, single, f"with {several.batch} samples"),
        (single, several, "with one sample"),
    ):
        known = {_key(op) for op in other.ops}
        for op in network.ops:
            if (op.parameters or op.kind in _LAYERS) and _key(op) not in known:
                text = f"{name_of(op)} runs {when} only: the batch's size decides on layers"
                yield Fault(text, (call_location(op),))
                return


def _key(op: Op) -> tuple[object, ...]:
    return op.kind, op.module, op.parameters
