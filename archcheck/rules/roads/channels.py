"""Operations that weigh each channel by itself over positions, as a depthwise convolution does."""

from __future__ import annotations

from archcheck.network import Network, Op, kinds
from archcheck.network.attributes import attributes
from archcheck.rules.base import Subject
from archcheck.rules.convolutions import CONVOLUTIONS, is_depthwise
from archcheck.rules.roads.positions import (
    Found,
    aligned,
    dimensions,
    driven,
    joined_dimensions,
    known_maps,
    learned,
    reading_the_input,
    sorted_out,
    sources,
    varies,
    varies_everywhere,
    weights,
)

_LAYOUT = kinds.WINDOW_VIEWS | frozenset(
    """view reshape permute transpose t T mT movedim flatten unflatten tensor_unfold pixel_unshuffle
    diagonal rot90""".split()
)
"""The kinds that can put positions in the place of channels."""
_PRODUCTS = kinds.MATRIX_PRODUCTS | kinds.LINEAR


def channel_by_channel(subject: Subject) -> Found:
    """The operations that weigh positions of each channel by itself, depthwise convolutions among
    them."""
    ops = reading_the_input(subject.network)
    return sorted_out((op, _weighs_channels(subject, op)) for op in ops)


def _weighs_channels(subject: Subject, op: Op) -> bool | None:
    network = subject.network
    if op.kind in CONVOLUTIONS:
        return _convolves_channels(subject, op)
    if op.kind in kinds.SPECTRA:
        return None  # a product with weights there is a convolution of each channel
    if op.kind in _PRODUCTS and len(driven(network, op)) == 1:
        return _contracts_positions(subject, op)
    if op.kind in ("sum", "mean"):
        rank = len(network.shape(op.inputs[0]))
        reduced = dimensions(op, rank)
        return _sums_products(subject, op, reduced)
    if op.kind in ("add", "addcmul", "sub") and len(driven(network, op)) > 1:
        return _adds_products(subject, op)
    return False if op.kind in kinds.KNOWN else None


def _convolves_channels(subject: Subject, op: Op) -> bool | None:
    network = subject.network
    if is_depthwise(network, op):
        return True
    a = attributes(network, op)
    if a["in_channels"] == 1:
        # One channel of several, one after the other or in the place of the batch.
        made_of = sources(network, op.inputs[0])[0]
        return any(
            len(shape) > 2 and shape[1] > 1 for shape in (network.shape(each) for each in made_of)
        )
    if _positions_for_channels(subject, op):
        return None
    kernel = op.arguments["weight"]["tensor"]
    if max(a["kernel_size"]) > 1 and kernel not in network.driven:
        return False if learned(network, kernel) else None  # there may be zeros between channels
    return False


def _positions_for_channels(subject: Subject, op: Op) -> bool:
    """Whether positions may lie where a convolution has its channels, as in tokens."""
    passed = sources(subject.network, op.inputs[0])[1]
    return any(each.kind in _LAYOUT for each in passed) and (
        known_maps(subject, op.inputs[0]) is None or varies_everywhere(subject, op.inputs[0], [1])
    )


def _contracts_positions(subject: Subject, op: Op) -> bool | None:
    """Whether a product with weights joins positions and no channels."""
    network = subject.network
    (tensor,) = driven(network, op)
    joined = joined_dimensions(network, op, tensor)
    if joined is None:
        return None
    positions = varies(subject, tensor, joined)
    if positions is None:
        return None
    return positions and varies_everywhere(subject, tensor, joined)


def _sums_products(subject: Subject, op: Op, reduced: tuple[int, ...] | None) -> bool | None:
    """Whether a sum joins positions that were multiplied by weights of their own."""
    network = subject.network
    tensor = op.inputs[0]
    if not any(_multiplied(network, each) for each in sources(network, tensor)[1]):
        return False
    if reduced is None:
        return None
    joined = varies(subject, tensor, reduced)
    return None if joined is not False else False


def _adds_products(subject: Subject, op: Op) -> bool | None:
    """Whether a sum joins values of different positions that were multiplied by weights."""
    network = subject.network
    operands = driven(network, op)
    made = [each for tensor in operands for each in sources(network, tensor)[1]]
    if not any(_multiplied(network, each) for each in (*made, op)):
        return False
    return False if aligned(subject, operands) else None


def _multiplied(network: Network, op: Op) -> bool:
    """Whether an operation multiplies by a weight of several elements."""
    return op.kind in ("mul", "addcmul", "lerp") and any(
        max(network.shape(each), default=1) > 1 for each in weights(network, op)
    )
