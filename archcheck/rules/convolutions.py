"""What rules ask about convolutions: shared by several, a rule by none."""

from __future__ import annotations

from collections.abc import Iterator

from archcheck.network import Network, Op, kinds
from archcheck.network.attributes import attributes
from archcheck.network.graph import data_inputs
from archcheck.phrases import per_axis, shape_text
from archcheck.rules.base import Subject

CONVOLUTIONS = kinds.CONVOLUTIONS | kinds.TRANSPOSED_CONVOLUTIONS
_CARRIES_ON = (
    kinds.NORMALIZATIONS
    | kinds.ACTIVATIONS
    | kinds.DROPOUTS
    | kinds.COPIES
    | kinds.ARITHMETIC
    | {"permute", "transpose", "movedim"}  # to the norm's layout and back
)


def convolutions(network: Network, *, transposed: bool = True) -> Iterator[Op]:
    """All convolutions, in order."""
    wanted = CONVOLUTIONS if transposed else kinds.CONVOLUTIONS
    return (op for op in network.ops if op.kind in wanted)


def is_depthwise(network: Network, op: Op) -> bool:
    """Groups = input channels > 1, with a channel multiplier too."""
    return bool(attributes(network, op)["depthwise"])


def grouped(network: Network) -> list[Op]:
    """The convolutions of several groups, each of several channels."""
    return [
        op
        for op in convolutions(network)
        if attributes(network, op)["groups"] > 1 and not is_depthwise(network, op)
    ]


def groups(network: Network, op: Op) -> str:
    """The groups of a convolution in words."""
    a = attributes(network, op)
    return f"{a['groups']} groups of {a['in_channels']} channels"


def is_dilated(network: Network, op: Op) -> bool:
    """A dilation above 1 on an axis whose kernel and whose map are above 1."""
    a = attributes(network, op)
    sides = network.shape(op.inputs[0])[-len(a["kernel_size"]) :]
    axes = zip(a["dilation"], a["kernel_size"], sides, strict=True)
    return any(min(axis) > 1 for axis in axes)


def is_strided(network: Network, op: Op) -> bool:
    """A stride above 1 on some axis, not of a transposed convolution."""
    return op.kind in kinds.CONVOLUTIONS and max(attributes(network, op)["stride"]) > 1


def pointwise_after(subject: Subject, op: Op) -> Op | None:
    """The 1x1 convolution with groups 1 that a convolution's output reaches through nothing but
    normalisation, activation and dropout. Where the convolution reaches an output, it does too."""
    network, reach = subject.network, subject.reach
    reached = set(op.outputs)
    for reader in network.ops[op.index + 1 :]:
        sources = [tensor for tensor in data_inputs(reader) if tensor in network.driven]
        if reach.certain(op) and not reach.certain(reader):
            continue
        if not any(tensor in reached for tensor in sources):
            continue
        if reader.kind in kinds.CONVOLUTIONS:
            a = attributes(network, reader)
            if a["groups"] == 1 and set(a["kernel_size"]) == {1}:
                return reader
        elif reader.kind in _CARRIES_ON and all(tensor in reached for tensor in sources):
            # An activation written by hand, x * sigmoid(x), reads nothing else either.
            reached.update(reader.outputs)
    return None


def words(network: Network, op: Op) -> str:
    """A convolution in a few words: ``3×3, dilation 2, depthwise``."""
    a = attributes(network, op)
    parts = [shape_text(a["kernel_size"])]
    for name in ("dilation", "stride"):
        if max(a[name]) > 1:
            parts.append(f"{name} {per_axis(a[name])}")
    if a["depthwise"]:
        parts.append("depthwise")
    elif a["groups"] > 1:
        parts.append(f"{a['groups']} groups")
    if op.kind in kinds.TRANSPOSED_CONVOLUTIONS:
        parts.append("transposed")
    return ", ".join(parts)
