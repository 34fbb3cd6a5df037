"""The scores of classes that a network returns, and what is done to them last."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from archcheck.lint.chains import RESHAPES, maker
from archcheck.network import Network, Op, kinds

SOFTMAXES = frozenset({"softmax", "log_softmax"})
POOLING = kinds.POOLS | {"mean", "amax"}
_LAYERS = kinds.CONVOLUTIONS | {"linear"}
_TO_LAYER = RESHAPES | POOLING | {"batch_norm"} | kinds.DROPOUTS


class Last(NamedTuple):
    """The activation that scores come out of, and the layer that makes them.

    ``normalised`` is the softmax behind the activation, if there is one; ``pooled`` and
    ``batch_norm`` are whether a pool and a batch normalisation stand between them.
    """

    activation: Op
    layer: Op
    normalised: Op | None
    pooled: bool
    batch_norm: bool


def last_activations(network: Network) -> Iterator[Last]:
    """The activation in front of each output that is a vector of scores, one for each class."""
    for _, tensor in network.outputs:
        sides = [side for side in network.sample_shape(tensor) if side > 1]
        if len(sides) != 1:
            continue
        softmax = maker(network, tensor)
        normalised = softmax if softmax is not None and softmax.kind in SOFTMAXES else None
        start = tensor if normalised is None else normalised.inputs[0]
        activation = maker(network, start, RESHAPES | POOLING | {"batch_norm"})
        if activation is None or activation.kind not in kinds.ACTIVATIONS - SOFTMAXES:
            continue
        layer = maker(network, activation.inputs[0], _TO_LAYER)
        if layer is not None and layer.kind in _LAYERS:
            between = _between(network, start, activation)
            pooled = not between.isdisjoint(POOLING)
            yield Last(activation, layer, normalised, pooled, "batch_norm" in between)


def _between(network: Network, tensor: int, activation: Op) -> set[str]:
    """The kinds behind an activation, up to a tensor."""
    found = set()
    op = network.producer(tensor)
    while op is not None and op.index != activation.index:
        found.add(op.kind)
        op = network.producer(op.inputs[0])
    return found
