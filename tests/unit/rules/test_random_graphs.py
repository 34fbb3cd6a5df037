"""Random graphs with discarded calls and odd roads to a pool: rules see what torch's own graph
leads to, and no road passes for the absence of a maximum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor, nn

import archcheck
from archcheck.network import Network
from archcheck.rules import Verdict
from archcheck.spec import check, spec_from
from tests.support.dag_roads import ROADS
from tests.support.dag_steps import STEPS
from tests.support.dags import Dag, Drawn, Node, dags


class Cut(Dag):
    """A graph whose result is one of its values: what follows is computed and thrown away."""

    def __init__(self, dims: int, nodes: Sequence[Node], result: int) -> None:
        super().__init__(dims, nodes)
        self.result = result

    def forward(self, x: Tensor) -> Tensor:
        values = [x]
        for number, node in enumerate(self.nodes):
            values.append(self.run(number, node, values))
        return values[self.result]


class Followed(nn.Module):
    """A graph, and a road that its result goes, or that is gone in vain."""

    def __init__(self, graph: nn.Module, road: str, in_vain: bool) -> None:
        super().__init__()
        self.graph, self.road, self.in_vain = graph, road, in_vain

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.graph(x)
        gone = ROADS[self.road](y)
        return y if self.in_vain else gone


def judged(network: Network, rule: str, options: Any) -> Verdict:
    return check(network, spec_from({"rules": {rule: options}})).finding(rule).verdict


def ancestors(nodes: Sequence[Node], result: int) -> list[Node]:
    """The nodes that a value is made of."""
    needed = {result}
    found = []
    for number in range(len(nodes), 0, -1):
        if number in needed:
            found.append(nodes[number - 1])
            needed.update(nodes[number - 1].reads)
    return found


def is_max_pool(node: Node) -> bool:
    pools = node.step == "max_pool" or node.options.get("kind") == "max"
    return pools or node.options.get("way") == "zeros_around"


@given(drawn=dags(longest=10), data=st.data())
def test_layers_are_those_that_the_result_has_a_gradient_of(drawn: Drawn, data: Any) -> None:
    dims, nodes = len(drawn.input_shape) - 1, drawn.module.nodes
    result = data.draw(st.integers(1, len(nodes)))
    module = Cut(dims, nodes, result).eval()
    network = archcheck.trace(module, drawn.input_shape)
    kind = getattr(nn, f"Conv{dims}d")
    layers = {path: net for path, net in module.named_modules() if type(net) is kind}
    output = module(torch.rand(1, *drawn.input_shape))
    for path, layer in layers.items():
        reached = output.requires_grad and (
            torch.autograd.grad(output.sum(), layer.weight, retain_graph=True, allow_unused=True)[0]
            is not None
        )
        some = {"at_least": 1} if reached else {"exactly": 0}  # one may be called twice
        asked = {"kind": f"conv{dims}d", "where": {"module": path}, **some}
        assert judged(network, "layers", asked).status == "passed", path
    pools = sum(map(is_max_pool, ancestors(nodes, result)))
    assert judged(network, "max-pool", {"at_least": 0}).found == pools


WRITTEN_BY_HAND = frozenset(
    name
    for name, made in STEPS.items()
    if made.__module__ in ("tests.support.dag_pieces", "tests.support.dag_mixers")
)
"""Steps behind which it is not known whether several values look at one place."""


@given(drawn=dags(longest=5, without=WRITTEN_BY_HAND), road=st.sampled_from(sorted(ROADS)))
def test_no_road_to_a_maximum_passes_for_its_absence(drawn: Drawn, road: str) -> None:
    with torch.no_grad():
        assume(drawn.module(torch.rand(1, *drawn.input_shape)).shape[-1] > 1)
    asked = {"exactly": 0, "of": "anything"}
    network = archcheck.trace(Followed(drawn.module, road, in_vain=False), drawn.input_shape)
    assert judged(network, "max-pool", asked).status != "passed"
    alone = judged(archcheck.trace(drawn.module, drawn.input_shape), "max-pool", asked)
    in_vain = archcheck.trace(Followed(drawn.module, road, in_vain=True), drawn.input_shape)
    verdict = judged(in_vain, "max-pool", asked)
    assert (verdict.status, verdict.found) == (alone.status, alone.found)


@given(drawn=dags(longest=6))
def test_graphs_without_a_maximum_have_none(drawn: Drawn) -> None:
    network = archcheck.trace(drawn.module, drawn.input_shape)
    pools = sum(map(is_max_pool, ancestors(drawn.module.nodes, len(drawn.module.nodes))))
    verdict = judged(network, "max-pool", {"exactly": pools, "of": "anything"})
    assert verdict.found == pools
    assert verdict.status != "failed"
