"""What follows what in a network, past operations that only carry values on."""

from __future__ import annotations

from archcheck.network import Network, Op, moves
from archcheck.network.kinds import COPIES

RESHAPES = COPIES | moves.RESHAPES
"""The kinds that keep all elements in their order."""


def maker(network: Network, tensor: int, through: frozenset[str] = RESHAPES) -> Op | None:
    """The operation that made a tensor's values, past the kinds of ``through``; None of what was
    there before the pass."""
    op = network.producer(tensor)
    while op is not None and op.kind in through and op.inputs:
        op = network.producer(op.inputs[0])
    return op


def only_reader(network: Network, op: Op, through: frozenset[str] = RESHAPES) -> Op | None:
    """The one operation that reads what another one made, past the kinds of ``through``; None if
    there are several, none, or if it is returned."""
    returned = {tensor for _, tensor in network.outputs}
    while returned.isdisjoint(op.outputs):
        readers = {
            reader.index: reader
            for tensor in op.outputs
            for reader in network.consumers.get(tensor, ())
        }
        if len(readers) != 1:
            return None
        (op,) = readers.values()
        if op.kind not in through:
            return op
    return None


def name_of(op: Op) -> str:
    """What an operation is called: its module's path, else its kind."""
    return op.module or op.kind
