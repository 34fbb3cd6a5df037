"""How the field grows over the depth of a network: every tensor on a path to a location."""

from __future__ import annotations

from dataclasses import dataclass

from archcheck.fields.algebra.field_map import FieldMap
from archcheck.fields.axis_field import axis_field
from archcheck.fields.explain.summary import Summary
from archcheck.network.graph import Paths


@dataclass(frozen=True)
class Node:
    """A tensor, with the side of its units' field and the number of operations before it.

    ``module`` is the module that made it, ``sources`` are the indices of the nodes it was made
    of, ``on_path`` is whether it lies on the path that sets the field.
    """

    depth: int
    size: int
    module: str
    sources: tuple[int, ...]
    on_path: bool


def nodes(summary: Summary, axis: int) -> list[Node]:
    """The input and every tensor between it and the location, in order of execution.

    Sizes are without gates if the path that sets the field is; tensors that only hold what a gate
    added are left out.
    """
    rf, network = summary.rf, summary.rf.forward.network
    path = next((path for path in summary.paths if path.axis == axis), None)
    chosen = {link.op.index for link in path.links} if path else set()
    walk = rf.ungated if path is not None and path.local else rf.forward
    source = network.inputs[rf.input_index]
    ops = {
        op.index: op
        for target in summary.location.tensors
        for op in Paths(network, source, target).ops
    }
    place: dict[int, int] = {source: 0}
    graph = [Node(0, 1, "", (), True)]
    for depth, index in enumerate(sorted(ops), 1):
        op = ops[index]
        for tensor in op.outputs:
            m = walk.map(tensor)
            if not isinstance(m, FieldMap) or not (size := axis_field(m, axis).size):
                continue
            place[tensor] = len(graph)
            read = dict.fromkeys(network.operands[op.index])
            sources = tuple(place[t] for t in read if t in place)
            graph.append(Node(depth, size, op.module, sources, index in chosen))
            break
    return graph
