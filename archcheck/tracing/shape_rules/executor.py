"""A forward pass whose heavy functions return blank results of the right shape.

What depends on the network's input has no values then; constants have their real ones, since
masks and index tables decide what is connected with what. Looking at a missing value ends the
attempt with :class:`NeedsValues`, and the network is traced again for real.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from archcheck.network import kinds
from archcheck.network.operands import RANDOM
from archcheck.tracing.shape_rules import (  # noqa: F401  (rules)
    indexed,
    layers,
    pointwise,
    views,
    windows,
)
from archcheck.tracing.shape_rules.base import RULES, Call, FallBack, NeedsValues
from archcheck.tracing.shape_rules.lazy_init import LazyInit
from archcheck.tracing.tensor_ids import TensorIds, is_parameter, storage_of, tensors_in

_SEVERAL = kinds.MATRIX_PRODUCTS | kinds.JOINS | kinds.BROADCASTING | {"setitem"}
"""The kinds for which more than the first argument may depend on the input."""
_WEIGHTED = (
    kinds.CONVOLUTIONS
    | kinds.TRANSPOSED_CONVOLUTIONS
    | kinds.LINEAR
    | kinds.NORMALIZATIONS
    | kinds.RECURRENT
    | frozenset({"prelu", "mul", "multi_head_attention_forward", "embedding"})
)
"""The kinds for which the values of constant arguments do not matter."""


class ShapeExecutor:
    """Decides for every call of a torch function: by its shape rule, for real, or not at all."""

    def __init__(self, tensor_ids: TensorIds, weights: LazyInit | None) -> None:
        self.failed = False
        """Whether a real pass is needed, even if the network swallowed the :class:`NeedsValues`."""
        self._tensor_ids = tensor_ids
        self._weights = weights
        self._stale: set[int] = (
            set()
        )  # memory of running statistics that training would have updated
        self._drew = False

    def perform(self, call: Call) -> Any:
        """The result of a call.

        Raises:
            NeedsValues: if the result or an effect depends on missing values.
        """
        tensor_ids = self._tensor_ids
        if self.failed or tensor_ids.unseen or (self._drew and call.kind in RANDOM):
            self.give_up()
        if call.kind in views.METADATA:
            return call.run()
        if not call.driven:
            return self._constant(call)
        if _special():
            self.give_up()
        rule = RULES.get(call.kind, _unknown)
        if (
            rule is _unknown
            or call.kwargs.get("out") is not None
            or not call.function.startswith("torch.")
        ):
            self.give_up()
        if self._weights is not None and call.kind not in _WEIGHTED:
            self._weights.read(t for t in call.inputs if not _is_weight(t))
        try:
            result = rule(call)
        except FallBack:
            result = self._for_real(call)
        except NeedsValues:
            self.give_up()
        if call.kind != "setitem" and not tensors_in(result):
            self.give_up()  # a value was taken out of the graph
        if call.kind == "batch_norm" and call.bound.get("training"):
            self._stale.update(
                storage or 0 for storage in map(storage_of, call.inputs[1:3]) if storage
            )
        self._drew = self._drew or call.drew
        return result

    def _constant(self, call: Call) -> Any:
        for tensor in call.inputs:
            storage = storage_of(tensor)
            if storage is None:
                continue
            if storage in self._stale or any(
                self._tensor_ids.is_driven(self._tensor_ids.number(alias))
                for alias in self._tensor_ids.aliases(tensor)
            ):
                self.give_up()
        if self._weights is not None:
            self._weights.read(call.inputs)
        return call.run()

    def _for_real(self, call: Call) -> Any:
        """Run a function on memory that was never written: only the result's shape matters."""
        first = call.args[0] if call.args else None
        allowed = list(call.args) if call.kind in _SEVERAL else [first]
        if isinstance(first, (tuple, list)):
            allowed += first
        if not all(any(tensor is item for item in allowed) for tensor in call.driven):
            self.give_up()
        return call.run()

    def before(self, keep: Callable[[torch.Tensor], None]) -> Callable[[torch.Tensor], None]:
        """``keep``, called only after a parameter has its real value."""

        def settled(tensor: torch.Tensor) -> None:
            if self._weights is not None:
                self._weights.settle()
            keep(tensor)

        return settled

    def give_up(self) -> Any:
        """End the attempt.

        Raises:
            NeedsValues: always.
        """
        self.failed = True
        raise NeedsValues


def _is_weight(tensor: torch.Tensor) -> bool:
    # A structure must not depend on their values: the recorder does not keep them.
    return is_parameter(tensor) and tensor.requires_grad


def _unknown(call: Call) -> Any:
    raise NeedsValues


_gradients = torch.is_grad_enabled
_dispatching = torch._C._len_torch_dispatch_stack
_transform = torch._C._functorch.maybe_current_level
_autocast = torch.is_autocast_enabled
_scripting = torch._C._get_tracing_state


def _special() -> bool:
    """Whether a mode is active in which torch's functions do not do their usual work."""
    return bool(
        _gradients()
        or _dispatching()
        or _transform() is not None
        or _autocast("cpu")
        or _scripting() is not None
    )
