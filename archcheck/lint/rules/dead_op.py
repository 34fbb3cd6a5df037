"""``dead-op``: something is computed for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from archcheck.lint.base import Fault, Findings, LintRule, Sample, fault_of, register
from archcheck.lint.chains import name_of
from archcheck.lint.linted import Linted
from archcheck.network import Network, Op, kinds
from archcheck.network.reach import values_behind
from archcheck.phrases import how_many, shape_text
from archcheck.rules.base import Location, call_location

_NO_WORK = (
    kinds.VIEWS
    | kinds.COPIES
    | kinds.FACTORIES
    | kinds.STRUCTURE
    | kinds.WRITES
    | frozenset("eq ne gt ge lt le isnan isinf isfinite to type_as size shape".split())
)
"""Kinds that move values or look at them."""


@register
class DeadOp(LintRule):
    """
    ## What it finds
    An operation on the input whose result no output depends on, neither in evaluation nor in
    training. What is kept in an attribute or a list, printed, asserted or written to a buffer is no
    finding, and neither are views, copies and comparisons.

    ## Why it matters
    The result was meant to go somewhere: `self.norm(x)` alone changes nothing, the value has to be
    taken. If it was not, the time is spent for nothing.

    ## Example
    ```python
    F.relu(x)  # x = F.relu(x)
    ```

    ## When to ignore it
    Where another pass of the same code uses the result.
    """

    name = "dead-op"
    severity = "warning"
    summary = "Nothing depends on the result of an operation."
    faulty = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm2d(8)

    def forward(self, x):
        x = self.conv(x)
        self.norm(x)  # <-
        F.relu(x)  # <-
        return x
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3)
        self.branch = nn.Sequential(nn.Conv2d(8, 8, 1), nn.ReLU(), nn.Conv2d(8, 8, 1))
        self.last = nn.Conv2d(8, 8, 1)

    def forward(self, x):
        x = self.first(x)
        side = self.branch(x).flatten(1)  # <-
        return self.last(x)
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(3, 3, 3, padding=1) for _ in range(3))

    def forward(self, x):
        for layer in self.layers:
            out = layer(x).sigmoid()  # <-
        return out
"""
        ),
    )
    sound = (
        Sample("nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Dropout(0.5))"),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.register_buffer("steps", torch.zeros(()))
        self.register_buffer("mean", torch.zeros(8))
        self.seen = []

    def forward(self, x):
        assert (x.abs() < 1e6).all()
        x = self.conv(x)
        print(x.mean())
        self.steps += 1
        self.mean.mul_(0.9).add_(x.mean((0, 2, 3)), alpha=0.1)
        self.loss = x.square().mean()
        self.seen.append(x.amax(1))
        half = x.shape[1] // 2
        kept, spare = x.chunk(2, 1)
        return kept.relu_()
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.head, self.aux = nn.Linear(8, 10), nn.Linear(8, 10)

    def forward(self, x):
        x = self.conv(x).relu().mean((2, 3))
        aux = self.aux(x)
        return (self.head(x), aux) if self.training else self.head(x)
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
        self.lstm = nn.LSTM(16, 16, batch_first=True)

    def forward(self, x):
        out, weights = self.attention(x, x, x)
        out, (h, c) = self.lstm(out)
        best, where = out.max(1)
        return best
""",
            input=(9, 16),
        ),
    )

    def find(self, linted: Linted) -> Findings:
        network = linted.network
        alive = {_site(op) for op in _alive(linted, network)}
        dead = [op for op in network.ops if _is_work(network, op) and _site(op) not in alive]
        if dead and linted.training is not None:
            alive |= {_site(op) for op in _alive(linted, linted.training)}
            dead = [op for op in dead if _site(op) not in alive]
        dead = [op for op in dead if not _beside_others(network, op, alive)]
        sites = {_site(op): (op, behind) for op, behind in _last(network, dead)}
        for op, behind in sites.values():
            yield _fault(network, op, behind)


def _site(op: Op) -> tuple[object, ...]:
    return op.called, op.module, op.kind


def _alive(linted: Linted, network: Network) -> Iterator[Op]:
    """The operations that an output depends on, or may, or what is kept or looked at."""
    operands = network.operands
    looked_at = [t for op in network.ops if op.kind == kinds.ESCAPE for t in op.inputs]
    ends = {*looked_at, *network.kept}
    ends |= {tensor for op in network.ops if not op.outputs for tensor in op.inputs}
    kept = values_behind(network, ends, operands)
    reach = linted.subject_of(network).reach
    return (op for op in network.ops if reach.possible(op) or not kept.isdisjoint(op.outputs))


def _is_work(network: Network, op: Op) -> bool:
    return bool(op.outputs) and op.kind not in _NO_WORK and network.varies(op)


def _beside_others(network: Network, op: Op, alive: set[tuple[object, ...]]) -> bool:
    """Whether an operation is a step of one of torch's layers that gives something else, too."""
    if op.call < 0 or not network.calls[op.call].standard:
        return False
    return any(each.call == op.call and _site(each) in alive for each in network.ops)


def _last(network: Network, dead: list[Op]) -> Iterator[tuple[Op, list[Op]]]:
    """The operations whose results are dropped, and those that ran for them alone."""
    numbers = {op.index for op in dead}
    feeding: dict[int, set[int]] = {}
    for op in network.ops:
        behind = {index for t in op.inputs for index in _made_for(network, t, numbers, feeding)}
        feeding[op.index] = behind | ({op.index} if op.index in numbers else set())
    read = {
        index
        for op in network.ops
        for index in feeding[op.index] - {op.index}
        if op.index in numbers
    }
    for op in dead:
        if op.index not in read:
            yield op, [network.ops[index] for index in sorted(feeding[op.index])]


def _made_for(
    network: Network, tensor: int, dead: set[int], feeding: dict[int, set[int]]
) -> set[int]:
    maker = network.producer(tensor)
    return set() if maker is None else feeding.get(maker.index, set())


def _fault(network: Network, op: Op, behind: list[Op]) -> Fault:
    macs = [network.op_macs(each) for each in behind]
    total = sum(filter(None, macs))
    cost = f", {total:,} MACs" if total else ""
    others = f", {how_many(len(behind), 'operation')}{cost}" if len(behind) > 1 or total else ""
    built = (Location(op.built, op.module, op.module),) if op.built is not None else ()
    fault = fault_of(
        op,
        f"nothing depends on what {name_of(op)} gives, {shape_text(network.shape(op.outputs[0]))}: "
        f"it is computed for nothing{others}",
        "take its result, or leave it out",
    )
    return replace(fault, locations=(call_location(op), *built))
