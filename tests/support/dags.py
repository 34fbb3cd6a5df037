"""Random graphs of everything that moves, joins or merges positions.

``dags()`` draws any graph, for actual fields; ``dags(endless=True)`` graphs whose fields repeat, so
that they settle on an endless image: maps that meet move at one pace, nothing depends on a side.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm
from typing import Any

import torch
from hypothesis import assume
from hypothesis import strategies as st
from torch import Tensor, nn

from tests.support.dag_mixers import LAYERS, PAIRS, STEPS
from tests.support.dag_options import Steps
from tests.support.dag_steps import CHANNELS

SIDES = {1: (6, 20), 2: (5, 12), 3: (3, 6)}
LARGEST = {1: 60, 2: 22, 3: 8}


@dataclass(frozen=True)
class Node:
    """A step of STEPS, the numbers of the values it reads, and its arguments."""

    step: str
    reads: tuple[int, ...]
    options: dict[str, Any]


class Dag(nn.Module):
    """The nodes in order; the last one's value is the result."""

    def __init__(self, dims: int, nodes: Sequence[Node]) -> None:
        super().__init__()
        self.nodes = list(nodes)
        self.layers = nn.ModuleDict()
        for number, node in enumerate(nodes):
            self.layers.update(made(number, node, dims))

    def extra_repr(self) -> str:
        return "\n".join(map(str, self.nodes))

    def forward(self, x: Tensor) -> Tensor:
        values = [x]
        for number, node in enumerate(self.nodes):
            values.append(self.run(number, node, values))
        return values[-1]

    def run(self, number: int, node: Node, values: Sequence[Tensor]) -> Tensor:
        net = dict(self.layers.named_children()).get(str(number))
        return STEPS[node.step](net, *(values[read] for read in node.reads), **node.options)


def made(number: int, node: Node, dims: int) -> dict[str, nn.Module]:
    layer = LAYERS[node.step](dims, **node.options) if node.step in LAYERS else None
    return {} if layer is None else {str(number): layer}


@dataclass(frozen=True)
class Drawn:
    """A graph, its input, and the period of its result's fields along every axis."""

    module: Dag
    input_shape: tuple[int, ...]
    periods: tuple[int, ...]


@dataclass(frozen=True)
class Value:
    """A map drawn so far: how far its fields move a unit, and after how many units they repeat."""

    map: Tensor
    jump: tuple[Fraction, ...]
    period: tuple[int, ...]

    @property
    def sides(self) -> list[int]:
        return list(self.map.shape[2:])


KINDS = [name for name in STEPS if name not in ("two", "pair")]


class Drawer:
    """Values so far, and the nodes that made them."""

    def __init__(
        self, draw: Callable[..., Any], dims: int, endless: bool, without: Collection[str] = ()
    ) -> None:
        self.draw, self.dims, self.endless = draw, dims, endless
        self.kinds = [kind for kind in KINDS if kind not in without]
        self.pairs = not endless and "pair" not in without
        low, high = SIDES[dims]
        sides = [draw(st.integers(low, high)) for _ in range(dims)]
        first = torch.rand(1, CHANNELS, *sides)
        self.values = [Value(first, (Fraction(1),) * dims, (1,) * dims)]
        self.nodes: list[Node] = []

    def add(self, node: Node, jump: Sequence[Fraction], period: Sequence[int]) -> None:
        """Run a node; what torch refuses, or what grows too large, is not added."""
        number = len(self.nodes)
        try:
            layer = made(number, node, self.dims).get(str(number))
            reads = (self.values[read].map for read in node.reads)
            with torch.no_grad():
                result = STEPS[node.step](layer, *reads, **node.options)
        except (RuntimeError, ValueError):
            return
        sides = result.shape[2:]
        # On an endless image one unit is no axis: what made it joined all that there was.
        if min(sides) < 1 + self.endless or max(sides) > LARGEST[self.dims] or max(period) > 12:
            return
        self.nodes.append(node)
        self.values.append(Value(result, tuple(jump), tuple(period)))

    def one(self) -> None:
        read = self.recent()
        value = self.values[read]
        steps = Steps(self.draw, self.dims, self.endless)
        kind = self.draw(st.sampled_from(self.kinds))
        options = getattr(steps, kind)(value.sides)
        if options is None:
            return
        jump = [old * factor for old, factor in zip(value.jump, steps.factor, strict=True)]
        period = []
        for old, factor, multiple in zip(value.period, steps.factor, steps.multiple, strict=True):
            length = old * factor.denominator
            length //= gcd(length, factor.numerator)
            period.append(lcm(length, multiple))
        self.add(Node(kind, (read,), options), jump, period)

    def two(self) -> None:
        left = len(self.values) - 1
        others = [
            number
            for number, value in enumerate(self.values[:left])
            if not self.endless or value.jump == self.values[left].jump
        ]
        if not others:
            return
        right = self.draw(st.sampled_from(others[::-1]))
        ways = ["add", "cat", "some", "gate", "in place"] + ([] if self.endless else ["write"])
        way = self.draw(st.sampled_from(ways))
        fit = "cut" if self.endless else self.draw(st.sampled_from(["cut", "resize"]))
        pairs = zip(self.values[left].period, self.values[right].period, strict=True)
        period = [lcm(*pair) for pair in pairs]
        node = Node("two", (left, right), {"way": way, "fit": fit})
        if self.pairs and self.draw(st.sampled_from([False, False, True])):
            node = Node("pair", (left, right), {"way": self.draw(st.sampled_from(list(PAIRS)))})
        self.add(node, self.values[left].jump, period)

    def recent(self) -> int:
        """Mostly the last value, else one before it: a branch."""
        back: int = self.draw(st.sampled_from([0, 0, 0, 1, 2]))
        return max(0, len(self.values) - 1 - back)


@st.composite
def dags(
    draw: Any,
    dimensions: Sequence[int] = (1, 2, 3),
    endless: bool = False,
    longest: int = 8,
    without: Collection[str] = (),
) -> Drawn:
    """Graphs of up to ``longest`` steps, a third of which merge two values; ``without`` are the
    steps that are not drawn."""
    dims = draw(st.sampled_from(dimensions))
    drawer = Drawer(draw, dims, endless, without)
    for merge in draw(
        st.lists(st.sampled_from([False, False, True]), min_size=2, max_size=longest)
    ):
        drawer.two() if merge else drawer.one()
    assume(drawer.nodes)
    shape = tuple(drawer.values[0].map.shape[1:])
    module = Dag(dims, drawer.nodes).eval()
    return Drawn(module, shape, drawer.values[-1].period)
