"""The attributes of an operation, by the names that torch's layers give them."""

from __future__ import annotations

from typing import Any

from archcheck.network import kinds
from archcheck.network.model import Network, Op

_CONVOLUTIONS = kinds.CONVOLUTIONS | kinds.TRANSPOSED_CONVOLUTIONS
_WINDOWS = _CONVOLUTIONS | kinds.FIXED_POOLS
_BIASED = kinds.CONVOLUTIONS | kinds.LINEAR
"""The kinds that may have a bias, whether a call passes one or not."""


def attributes(network: Network, op: Op) -> dict[str, Any]:
    """The attributes of an operation: ``kernel_size``, ``stride``, ``in_channels`` and so on.

    Attributes of a window have one entry for each axis. Tensor arguments are left out, except for
    ``bias``, which says whether there is one.
    """
    result: dict[str, Any] = {
        name: value
        for name, value in op.arguments.items()
        if not _holds_tensor(value) and name != kinds.IN_PLACE_WRITE
    }
    if "bias" in op.arguments or op.kind in _BIASED:
        result["bias"] = op.arguments.get("bias") is not None
    if op.kind in _WINDOWS:
        result.update(window(network, op))
    elif op.kind == "linear":
        weight = network.shape(op.arguments["weight"]["tensor"])
        result["in_features"], result["out_features"] = weight[-1], weight[0]
    return result


def window(network: Network, op: Op) -> dict[str, Any]:
    """The attributes that say what each output of a convolution or a pool reads.

    ``kernel_size``, ``stride``, ``padding`` and ``dilation`` have one entry for each axis; a
    convolution's ``padding`` may also be ``same`` or ``valid``.
    """
    return _convolution(network, op) if op.kind in _CONVOLUTIONS else _pool(op)


def attribute_names() -> frozenset[str]:
    """The names of all attributes that some operation may have."""
    names = {name.lstrip("*") for row in kinds.ROWS.values() for name in row.arguments.split()}
    names |= {name.lstrip("*") for row in kinds.ROWS.values() for name in row.method.split()}
    return frozenset(names) | _COMPUTED


_COMPUTED = frozenset(
    "kernel_size stride dilation padding groups in_channels out_channels depthwise bias "
    "in_features out_features".split()
)
"""The attributes that :func:`attributes` works out."""


def _convolution(network: Network, op: Op) -> dict[str, Any]:
    axes = int(op.kind[-2])
    weight = network.shape(op.arguments["weight"]["tensor"])
    groups = op.arguments.get("groups") or 1
    transposed = op.kind in kinds.TRANSPOSED_CONVOLUTIONS
    channels_in = weight[0] if transposed else weight[1] * groups
    padding = op.arguments.get("padding", 0)
    return {
        "kernel_size": weight[-axes:],
        "stride": spread(op.arguments.get("stride", 1), axes),
        "dilation": spread(op.arguments.get("dilation", 1), axes),
        "padding": padding if isinstance(padding, str) else spread(padding, axes),
        "groups": groups,
        "in_channels": channels_in,
        "out_channels": weight[1] * groups if transposed else weight[0],
        "depthwise": groups == channels_in > 1,
    }


def _pool(op: Op) -> dict[str, Any]:
    axes = int(op.kind[-2])
    kernel = spread(op.arguments.get("kernel_size", 1), axes)
    return {
        "kernel_size": kernel,
        "stride": spread(op.arguments.get("stride") or kernel, axes),
        "padding": spread(op.arguments.get("padding") or 0, axes),
        "dilation": spread(op.arguments.get("dilation") or 1, axes),
    }


def spread(value: Any, axes: int) -> tuple[int, ...]:
    """A number for every axis, from one number for all of them or a list."""
    items = list(value) if isinstance(value, (list, tuple)) else [value]
    return tuple(items * axes if len(items) == 1 else items)


def _holds_tensor(value: Any) -> bool:
    if isinstance(value, dict):
        return "tensor" in value or any(_holds_tensor(item) for item in value.values())
    return isinstance(value, (list, tuple)) and any(_holds_tensor(item) for item in value)
