"""The softmaxes of a network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from archcheck.network import Network, Op


@dataclass(frozen=True)
class Softmax:
    """A softmax along one axis of its first operand. ``axis`` counts the batch's too, from 0."""

    op: Op
    axis: int
    logarithm: bool = False


def softmaxes(network: Network) -> Iterator[Softmax]:
    """The calls of a softmax or a log-softmax, in order. Those inside of an attention are none."""
    for op in network.ops:
        if op.kind in ("softmax", "log_softmax", "gumbel_softmax"):
            axis = op.arguments.get("dim")
            rank = len(network.shape(op.inputs[0]))
            if axis is None:
                axis = 0 if rank in (0, 1, 3) else 1  # torch.nn.functional._get_softmax_dim
            if rank:
                yield Softmax(op, axis % rank, op.kind == "log_softmax")
