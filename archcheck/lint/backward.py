"""What torch's backward pass goes through, and what it needs as it was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set

from archcheck.network import Network, Op, kinds
from archcheck.network.model import Stretch, Tensor

DETACHING = frozenset({"detach", "data", "tensor", "new_tensor"})
"""The kinds whose results are not connected with what they read."""
_SAVING_RESULTS = frozenset("relu sigmoid tanh softmax log_softmax exp sqrt".split())
"""The kinds whose derivatives torch works out from their results (derivatives.yaml)."""
_SAVING_INPUTS = kinds.CONVOLUTIONS | kinds.TRANSPOSED_CONVOLUTIONS | {"linear"}
"""The kinds whose weights' derivatives torch works out from their inputs."""


def without_gradient(network: Network) -> dict[int, Stretch]:
    """The operations, by index, that ran where gradients were switched off.

    What a function with a backward of its own does is left out: it may give them all the same.
    """
    own = with_own_gradient(network)
    return {index: s for index, s in _indices(network.without_gradient).items() if index not in own}


def with_own_gradient(network: Network) -> Set[int]:
    """The operations, by index, of functions with a backward of their own."""
    return _indices(network.own_gradient).keys()


def may_have_gradient(tensor: Tensor) -> bool:
    """Whether a gradient can come to a tensor: whole numbers and truth values have none."""
    return tensor.dtype.startswith(("float", "bfloat", "complex"))


def _indices(stretches: Iterable[Stretch]) -> dict[int, Stretch]:
    return {index: each for each in stretches for index in range(each.first, each.end)}


def trained_through(network: Network) -> frozenset[int]:
    """The tensors through which gradients reach parameters."""
    if not network.training:
        return frozenset()
    off = without_gradient(network)
    names = {parameter.name for parameter in network.parameters if parameter.trainable}
    found = {tensor.id for tensor in network.tensors if tensor.name in names}
    for op in network.ops:
        cut = op.index in off or op.kind in DETACHING
        if not (cut or found.isdisjoint(network.operands[op.index])):
            found.update(op.outputs)
    return frozenset(found)


def needing(network: Network, write: Op, trained: frozenset[int]) -> Iterator[Op]:
    """The operations through which gradients go and whose derivatives take what is overwritten."""
    changed = write.inputs[0]
    maker = network.producer(changed)
    if maker is not None and maker.kind in _SAVING_RESULTS and trained.intersection(maker.inputs):
        yield maker
    for op in network.consumers.get(changed, ()):
        if op.index < write.index and op.kind in _SAVING_INPUTS and op.inputs[0] == changed:
            weight = op.arguments.get("weight")
            if isinstance(weight, dict) and weight["tensor"] in trained:
                yield op
