"""``global-average-pool``: averaging each channel's whole map on the way to the output."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Literal

from pydantic import Field

from archcheck.fields.forward import UnknownMap
from archcheck.network import Network, Op, kinds
from archcheck.network.attributes import attributes
from archcheck.network.graph import Paths
from archcheck.phrases import shape_text
from archcheck.rules.base import Example, Subject, Verdict, call_location, location, register
from archcheck.rules.counting import CountingRule, NearMiss, counted
from archcheck.rules.options import CountOptions
from archcheck.rules.roads.averages import averages

_AVERAGES = kinds.FIXED_AVERAGE_POOLS | kinds.ADAPTIVE_AVERAGE_POOLS | {"mean", "nanmean"}
_NONE_AT_ALL = {"exactly": 0, "of": "anything"}
_BETWEEN = kinds.VIEWS | kinds.COPIES | kinds.DROPOUTS


class GlobalAveragePoolOptions(CountOptions):
    """How many, and of what."""

    of: Literal["averages", "anything"] = Field(
        "averages",
        description="anything: sums over a whole map count too, averages that leave an edge out, "
        "and whatever else averages it.",
    )


@register
class GlobalAveragePool(CountingRule):
    """
    ## What it does
    Counts the global average pools: modules or functions that average every position of their
    map on the way to the output. `AdaptiveAvgPool2d(1)`, `AvgPool2d(8)` over 8x8, `x.mean((2, 3))`
    and `x.mean(3).mean(2)` are one. `AvgPool2d(5)` over 6x6 leaves a row and a column unread: it
    is none. The pools of squeeze-and-excite gates, whose result goes back into a map, are none.

    With `of: anything` sums over a whole map count too, in whatever spelling (`sum`, `einsum`), and
    averages that leave an edge unread. Whatever else leaves one value of a map may be its average
    and is *not verified*: a product with constants, a convolution with a constant kernel, a norm,
    attention. Products with learned weights and global maxima are none.

    ## Why it matters
    A global average pool in place of a flattened map keeps the classifier small and independent
    of the input's size. One that misses an edge throws away part of the image.

    ## Example
    ```yaml
    rules:
      global-average-pool: {exactly: 1}
    ```

    ## References
    - M. Lin, Q. Chen and S. Yan, "Network In Network", ICLR 2014, section 3.2.
    """

    name = "global-average-pool"
    summary = "The number of global average pools."
    Options = GlobalAveragePoolOptions
    passes = (
        Example("nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1))", {"exactly": 1}),
        Example("nn.Sequential(nn.Conv2d(3, 8, 3), nn.AvgPool2d(30))", {"exactly": 1}),
        Example(
            """
class Net(nn.Module):
    def forward(self, x):
        return x.mean(3).mean(2)
""",
            {"exactly": 1},
        ),
        Example("nn.Sequential(nn.Flatten(), nn.Linear(3072, 3))", _NONE_AT_ALL),
    )
    fails = (
        Example("nn.AvgPool2d(31)", _NONE_AT_ALL),
        Example(
            """
class Net(nn.Module):
    def forward(self, x):
        return torch.einsum("bchw->bc", x) / 1024
""",
            _NONE_AT_ALL,
        ),
        Example("nn.AvgPool2d(31)", {"exactly": 1}),
        Example("nn.AdaptiveMaxPool2d(1)", "required"),
        Example(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        return x * torch.sigmoid(self.conv(x.mean((2, 3), keepdim=True)))
""",
            "required",
        ),
    )

    def check(self, subject: Subject, options: GlobalAveragePoolOptions) -> Verdict:
        pools, partial = _global_pools(subject)
        found = {op.index for run in pools for op in run} | {miss.op.index for miss in partial}
        if options.of == "anything":
            return self._of_anything(subject, options, pools, partial)
        return counted(
            subject,
            [run[0] for run in pools],
            options,
            noun="global average pool",
            unseen=[location(op) for op in subject.reaching(_unfollowed(subject))],
            near=partial + _near_misses(subject, found),
        )

    def _of_anything(
        self,
        subject: Subject,
        options: GlobalAveragePoolOptions,
        pools: list[list[Op]],
        partial: list[NearMiss],
    ) -> Verdict:
        averaged = [*(run[0] for run in pools), *(miss.op for miss in partial)]
        judged = {op.index for run in pools for op in run} | {miss.op.index for miss in partial}
        other = averages(subject, judged | _that_feed_a_map(subject))
        doubtful = (*other.doubtful, *_unfollowed(subject))
        return counted(
            subject,
            sorted([*averaged, *other.certain], key=lambda op: op.index),
            options,
            noun="global average",
            unseen=[call_location(op) for op in doubtful if subject.reach.possible(op)],
        )


def _that_feed_a_map(subject: Subject) -> set[int]:
    """The operations whose results go back into a map: those of gates and side branches."""
    network = subject.network
    everywhere = {op.index for op in network.ops}
    feeding: set[int] = set()
    for index in range(len(network.inputs)):
        walk = subject.fields(input_index=index).forward
        sides = {tensor: m.sides for tensor, m in walk.known_maps().items()}
        feeding |= {
            op.index
            for op in network.ops
            if not sides.get(op.outputs[0] if op.outputs else -1)
            and _feeds_a_map(network, op, sides, everywhere)
        }
    return feeding


def _near_misses(subject: Subject, found: set[int]) -> list[NearMiss]:
    """Other averages of maps, and global max pools."""
    network = subject.network
    near = []
    for op in subject.reaching([op for op in network.ops if op.kind in kinds.POOLS]):
        after = network.shape(op.outputs[0])[2:]
        whole = prod(after) == 1 < prod(network.shape(op.inputs[0])[2:])
        if op.kind in kinds.FIXED_AVERAGE_POOLS | kinds.ADAPTIVE_AVERAGE_POOLS:
            if op.index not in found:
                why = "goes back into a map" if whole else f"leaves a map of {shape_text(after)}"
                near.append(NearMiss(op, f"is not global: it {why}"))
        elif op.kind in kinds.MAX_POOLS and whole:
            near.append(NearMiss(op, "is global, but a max pool"))
    return near


def _global_pools(subject: Subject) -> tuple[list[list[Op]], list[NearMiss]]:
    """The global pools, each as the run of averages it is made of, and those that miss an edge."""
    network = subject.network
    pools: dict[int, list[Op]] = {}
    partial: dict[int, NearMiss] = {}
    for index in range(len(network.inputs)):
        walk = subject.fields(input_index=index).forward
        sides = {tensor: m.sides for tensor, m in walk.known_maps().items()}
        for _, output in network.outputs:
            for run, why in _runs(network, Paths(network, walk.source, output), sides):
                if why:
                    partial[run[0].index] = NearMiss(run[0], f"is not global: {why}")
                else:
                    pools[run[0].index] = run
    return list(pools.values()), list(partial.values())


def _runs(
    network: Network, paths: Paths, sides: dict[int, tuple[int, ...]]
) -> Iterator[tuple[list[Op], str]]:
    """The runs of averages on the way to an output that leave no map, and what they miss."""
    on_path = {op.index for op in paths.ops}
    taken: set[int] = set()
    for op in paths.ops:
        if not _averages(network, op) or op.index in taken or not sides.get(op.inputs[0]):
            continue
        run, why = _run(network, op, sides, on_path)
        taken.update(part.index for part in run)
        if run and not _feeds_a_map(network, run[-1], sides, on_path):
            yield run, why


def _averages(network: Network, op: Op) -> bool:
    """Whether an operation averages; a sum does if all that is done with it is to scale it."""
    if op.kind != "sum":
        return op.kind in _AVERAGES
    readers = network.consumers.get(op.outputs[0], ())
    return bool(readers) and all(
        reader.kind in ("div", "mul") and sum(t in network.driven for t in reader.inputs) == 1
        for reader in readers
    )


def _unfollowed(subject: Subject) -> list[Op]:
    """Averages of maps that are not known."""
    network = subject.network
    walks = [subject.fields(input_index=i).forward for i in range(len(network.inputs))]
    return [
        op
        for op in network.ops
        if _averages(network, op)
        and any(isinstance(walk.map(op.inputs[0]), UnknownMap) for walk in walks)
    ]


def _run(
    network: Network, op: Op, sides: dict[int, tuple[int, ...]], on_path: set[int]
) -> tuple[list[Op], str]:
    """Averages from ``op`` on that leave no map; empty if a map is left behind them."""
    run = [op]
    while True:
        why = _unread(network, run[-1])
        if why:
            return (run, why) if not sides.get(run[-1].outputs[0]) else ([], "")
        if not sides.get(run[-1].outputs[0]):
            return run, ""
        following = _next_average(network, run[-1], on_path)
        if following is None:
            return [], ""
        run.append(following)


def _next_average(network: Network, op: Op, on_path: set[int]) -> Op | None:
    tensor = op.outputs[0]
    while True:
        readers = [r for r in network.consumers.get(tensor, ()) if r.index in on_path]
        if len(readers) != 1:
            return None
        if _averages(network, readers[0]):
            return readers[0]
        if readers[0].kind not in _BETWEEN:
            return None
        tensor = readers[0].outputs[0]


def _unread(network: Network, op: Op) -> str:
    """What a pool with a fixed window leaves unread, in words; empty if nothing."""
    if op.kind not in kinds.FIXED_AVERAGE_POOLS:
        return ""
    a = attributes(network, op)
    axes = len(a["kernel_size"])
    before, after = network.shape(op.inputs[0])[-axes:], network.shape(op.outputs[0])[-axes:]
    for axis in range(axes):
        read: set[int] = set()
        for unit in range(after[axis]):
            first = unit * a["stride"][axis] - a["padding"][axis]
            read.update(range(first, first + a["kernel_size"][axis]))
        if not read.issuperset(range(before[axis])):
            window = shape_text(a["kernel_size"])
            over = shape_text(before)
            return f"its {window} window over {over} leaves positions unread"
    return ""


def _feeds_a_map(
    network: Network, op: Op, sides: dict[int, tuple[int, ...]], on_path: set[int]
) -> bool:
    """Whether a pool's result goes back into a map: a gate or a side branch."""
    waiting = list(op.outputs)
    seen: set[int] = set()
    while waiting:
        tensor = waiting.pop()
        if tensor in seen:
            continue
        seen.add(tensor)
        if sides.get(tensor):
            return True
        for reader in network.consumers.get(tensor, ()):
            if reader.index in on_path:
                waiting.extend(reader.outputs)
    return False
