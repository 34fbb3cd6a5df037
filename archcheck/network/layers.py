"""The rows of a layer table, as people know them from torchsummary and torchinfo."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from archcheck.network.kinds import LAYER_KINDS

if TYPE_CHECKING:  # a Network shows its layers
    from archcheck.network.model import Call, Network, Op

INSIDE_LAYER = "parametrizations."
"""Part of the path of a module that computes a layer's weight (``torch.nn.utils.parametrize``)."""


class Layer(msgspec.Struct, frozen=True):
    """A row of the layer table.

    ``ops`` and ``output`` are indices of operations and of a tensor. ``num_parameters`` counts
    elements of parameters that no earlier row has counted; ``macs`` are multiply-accumulates for
    one sample, None if not known.
    """

    name: str
    type: str
    module: str
    ops: tuple[int, ...]
    output: int
    num_parameters: int
    macs: int | None


def layers_of(network: Network) -> tuple[Layer, ...]:
    """The rows of the layer table, in order of execution: leaf module calls, and functions called
    outside of them."""
    # A module call is one row if no other module was called inside it; the root never is.
    calls = [call for call in network.calls if INSIDE_LAYER not in call.module]
    has_children = {call.parent for call in calls if call.parent is not None}
    modules = {module.path: module for module in network.modules}
    sizes = {parameter.name: parameter.size for parameter in network.parameters}
    grouped: list[tuple[Call | None, list[Op]]] = []
    rows: dict[int, list[Op]] = {}
    for op in network.ops:
        call = _layer_call(network, op)
        if call is not None and call.parent is not None and call.index not in has_children:
            if call.index not in rows:
                rows[call.index] = []
                grouped.append((call, rows[call.index]))
            rows[call.index].append(op)
        elif op.kind in LAYER_KINDS and op.outputs:
            grouped.append((None, [op]))
    for call in calls:
        # Identity and friends run no operation at all; they are still layers.
        if call.index not in rows and call.index not in has_children and call.parent is not None:
            grouped.append((call, []))
    grouped.sort(key=lambda row: _position(network, row[0], row[1]))
    counted: set[str] = set()
    layers = []
    for number, (call, ops) in enumerate(grouped, 1):
        used = [name for op in ops for name in op.parameters]
        own = modules[call.module].parameters if call and call.module in modules else ()
        fresh = [name for name in dict.fromkeys((*own, *used)) if name not in counted]
        counted.update(fresh)
        macs = [network.op_macs(op) for op in ops]
        type_name = call.type if call else ops[0].kind
        outputs = call.outputs if call else ops[0].outputs
        if not outputs:
            continue
        layers.append(
            Layer(
                name=f"{type_name}-{number}",
                type=type_name,
                module=call.module if call else ops[0].module,
                ops=tuple(op.index for op in ops),
                output=outputs[0],
                num_parameters=sum(sizes.get(name, 0) for name in fresh),
                macs=None if None in macs else sum(filter(None, macs)),
            )
        )
    return tuple(layers)


def _layer_call(network: Network, op: Op) -> Call | None:
    """The module call that an operation belongs to; a parametrization belongs to its layer."""
    call = network.calls[op.call] if op.call >= 0 else None
    while call is not None and INSIDE_LAYER in call.module:
        call = None if call.parent is None else network.calls[call.parent]
    return call


def _position(network: Network, call: Call | None, ops: list[Op]) -> tuple[int, int]:
    if ops:
        return ops[0].index, 1
    assert call is not None
    # A call without operations stands where the tensor it passed on was made.
    made = [network.tensors[tensor].op for tensor in call.outputs]
    return max((index for index in made if index is not None), default=-1), 2 + call.index
