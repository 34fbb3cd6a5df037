"""Looking up, sampling and writing: torch's own shapes, from its device without memory.

That device checks types and shapes. Whether constant indices lie inside torch itself checks; those
that depend on the input are a matter of values.
"""

from __future__ import annotations

from typing import Any

import torch

from archcheck.tracing.shape_rules.base import (
    Call,
    FallBack,
    NeedsValues,
    Rule,
    blank,
    plain,
    require,
    shape_rule,
)
from archcheck.tracing.shape_rules.layout import canonical_strides, overlaps_itself
from archcheck.tracing.shape_rules.views import get_item, set_item
from archcheck.tracing.tensor_ids import storage_of, tensors_in


def _not_on_missing_indices(rule: Rule) -> Rule:
    """A rule without which a call cannot run: at indices that are missing torch finds nothing."""

    def without(call: Call) -> Any:
        try:
            return rule(call)
        except FallBack:
            if _depend(call, _indices(call)):
                raise NeedsValues from None
            raise

    return without


@shape_rule(
    "embedding",
    "grid_sample",
    "affine_grid",
    "normalize",
    "gather",
    "take_along_dim",
    "index_select",
    "one_hot",
)
@_not_on_missing_indices
def looked_up(call: Call) -> Any:
    """A fresh result."""
    require(call.bound.get("max_norm") is None)  # it would write into the weight
    if _indexed_by_constants(call):
        return call.run()
    result = without_memory(call)
    plain(*[tensor for tensor in call.inputs if tensor.is_floating_point()])
    require(type(result) is torch.Tensor, result.stride() == canonical_strides(result.shape))
    return torch.empty(result.shape, dtype=result.dtype, device="cpu")


@shape_rule(
    *"""index_put index_add index_copy index_fill scatter scatter_add scatter_reduce masked_scatter
    index_reduce put copy fill zero""".split()
)
@_not_on_missing_indices
def written(call: Call) -> Any:
    """The tensor that was written to, or one like it. Nothing is written."""
    target: Any = call.args[0] if call.args else None
    require(type(target) in (torch.Tensor, torch.nn.Parameter), target.numel() > 0)
    if _indexed_by_constants(call):
        return call.run()
    without_memory(call)
    _require_one_type(target, call.bound.get("values") if call.kind == "index_put" else None)
    if call.in_place:
        memory = storage_of(target)
        require(
            not overlaps_itself(target.shape, target.stride()),
            all(tensor is target or storage_of(tensor) != memory for tensor in call.inputs[1:]),
        )
        return target
    plain(target)
    return blank(target, target.shape)


@shape_rule("setitem")
@_not_on_missing_indices
def item_set(call: Call) -> Any:
    """A write at indices that are missing, of which only the shape matters; or any other write."""
    if not _depend(call, _indices(call)):
        return set_item(call)
    without_memory(call)
    _require_one_type(call.args[0], call.args[-1])
    require(not overlaps_itself(call.args[0].shape, call.args[0].stride()))
    return None


def _require_one_type(target: torch.Tensor, value: Any) -> None:
    """Check what tensors without memory do not: values have the type of what they are put into."""
    require(not isinstance(value, torch.Tensor) or value.dtype == target.dtype)


@shape_rule("getitem")
def item(call: Call) -> Any:
    """What is at indices that are missing, as many as they are; or any other reading.

    Raises:
        NeedsValues: if the values of a mask decide how many there are.
    """
    indices = _indices(call)
    if not _depend(call, indices):
        return get_item(call)
    if any(index.dtype in (torch.bool, torch.uint8) for index in indices):
        raise NeedsValues
    return looked_up(call)


_INDICES = {
    **dict.fromkeys(("embedding", "one_hot"), "input"),
    **dict.fromkeys(("take_along_dim", "index_put"), "indices"),
}
"""The argument that holds the indices, where it is not called ``index``."""


def _indexed_by_constants(call: Call) -> bool:
    indices = _indices(call)
    return bool(indices) and not _depend(call, indices)


def _indices(call: Call) -> list[torch.Tensor]:
    return tensors_in(call.bound.get(_INDICES.get(call.kind, "index")))


def _depend(call: Call, tensors: list[torch.Tensor]) -> bool:
    """Whether one of some tensors depends on the input."""
    return any(tensor is driven for tensor in tensors for driven in call.driven)


def without_memory(call: Call) -> Any:
    """What torch gives for tensors of the same shapes, types and strides that have no memory.

    Raises:
        FallBack: if it cannot say, or rejects the call.
    """
    try:
        return call.func(
            *map(_like, call.args), **{name: _like(value) for name, value in call.kwargs.items()}
        )
    except NeedsValues:
        raise
    except Exception:
        raise FallBack from None


def _like(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        require(value.layout is torch.strided, value.is_cpu)
        return torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="meta")
    if isinstance(value, (tuple, list)):
        return type(value)(_like(item) for item in value)
    return value
