"""Where the work of a pass may depend on the values of the input, not only on its shape."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import TYPE_CHECKING

from archcheck.network import kinds

if TYPE_CHECKING:
    from archcheck.network.model import Network, Op

RETURNS = "returns"
"""The argument of an escape that says whether the value may come back as a number or a tensor."""
SHOWN = "shown"
"""The argument of an escape that says whether nothing is made of the value but a text."""
_WHOLE = frozenset({"tolist", "numpy", "__array__"})
_MASKS = frozenset({"bool", "uint8"})


def reads_all_values(kind: str) -> bool:
    """Whether all outputs of a kind of operation depend on the input as soon as one of its
    operands does."""
    return kind not in kinds.FACTORIES | kinds.TEMPLATES | kinds.PACKING


def driven_outputs(op: Op, driven: Set[int]) -> tuple[int, ...]:
    """Those of an operation's outputs that depend on the input, as ``driven`` tensors do."""
    if driven.isdisjoint(kinds.values_read(op.kind, op.inputs)):
        return ()
    if op.kind in kinds.PACKING and driven.isdisjoint(op.inputs[1:]):
        return op.outputs[:1]  # how long sequences are does not depend on what they hold
    return op.outputs


def driven_by(network: Network, inputs: Iterable[int]) -> frozenset[int]:
    """The tensors of a network that depend on some inputs, or may.

    What is made after a value was taken out, and may have come back, may depend on it.
    """
    tensors = {*inputs, *network.opaque}
    returned = False
    for op in network.ops:
        returned = returned or (taken_out(op) and not tensors.isdisjoint(op.inputs))
        tensors.update(op.outputs if returned else driven_outputs(op, tensors))
    return frozenset(tensors)


def taken_out(op: Op) -> bool:
    """Whether an operation takes a value out of the graph that may come back."""
    return op.kind == kinds.ESCAPE and op.arguments.get(RETURNS, True)


def taken_out_whole(op: Op) -> bool:
    """Whether an operation takes a whole tensor out of the graph, which may come back after other
    code has computed with it."""
    return taken_out(op) and op.function.rpartition(".")[2] in _WHOLE


def work_by_values(network: Network) -> dict[int, Op]:
    """The operations, by index, whose work may depend on the input's values, each with the
    operation that is the reason.

    One that takes a value out is the reason of all that follows, for nobody knows where Python
    puts the value. One that makes a size of values is the reason of what reads its result, and of
    what is made without any operand from then on: its size may be the same.
    """
    reasons: dict[int, Op] = {}
    sized: dict[int, Op] = {}
    returned: Op | None = None
    for op in network.ops:
        read = kinds.values_read(op.kind, op.inputs)
        reason = returned or next((sized[t] for t in op.inputs if t in sized), None)
        if reason is None and sized and not read:
            reason = next(iter(sized.values()))
        if reason is not None:
            reasons[op.index] = reason
        elif _sized_by_values(network, op):
            reason = op
        if returned is None and taken_out(op) and network.varies(op):
            returned = op
        if reason is not None and not _keeps_size(op, sized):
            sized.update(dict.fromkeys(op.outputs, reason))
    return reasons


def _keeps_size(op: Op, sized: dict[int, Op]) -> bool:
    return op.kind in kinds.WRITES and op.inputs[0] not in sized


def _sized_by_values(network: Network, op: Op) -> bool:
    first = kinds.SIZED_BY_VALUES.get(op.kind)
    if first is None or (op.kind == "where" and "input" in op.arguments):
        return False
    deciding = [tensor for tensor in op.inputs[first:] if tensor in network.varying]
    if op.kind == "getitem":
        return any(network.tensors[tensor].dtype in _MASKS for tensor in deciding)
    return bool(deciding)
