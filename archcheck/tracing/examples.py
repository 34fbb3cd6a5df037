"""Descriptions of inputs from examples: tensors in their place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch


def described(inputs: Any) -> Any:
    """Inputs with a description in place of each tensor.

    A tensor is an example of a whole batch. Its first axis is the batch's if that of all tensors
    (but single numbers) is of one length; else no tensor has a batch. The type is the tensor's own,
    but that of the network's weights for ``torch.float32``. Integers are drawn from the smallest to
    the largest of the example; a tensor of integers or truth values that are all the same keeps
    that value.
    """
    lengths = {len(tensor) for tensor in _tensors(inputs) if tensor.dim()}
    return _described(inputs, batched=len(lengths) == 1)


def _tensors(inputs: Any) -> Iterator[torch.Tensor]:
    if isinstance(inputs, torch.Tensor):
        yield inputs
    elif isinstance(inputs, (Mapping, list, tuple)):
        for item in inputs.values() if isinstance(inputs, Mapping) else inputs:
            yield from _tensors(item)


def _described(inputs: Any, batched: bool) -> Any:
    if isinstance(inputs, torch.Tensor):
        return _table(inputs, batched)
    if isinstance(inputs, Mapping):
        return {key: _described(item, batched) for key, item in inputs.items()}
    if isinstance(inputs, (list, tuple)):
        return [_described(item, batched) for item in inputs]
    return inputs


def _table(tensor: torch.Tensor, batched: bool) -> dict[str, Any]:
    batched = batched and tensor.dim() > 0
    table: dict[str, Any] = {"shape": list(tensor.shape[1:] if batched else tensor.shape)}
    if not batched:
        table["batch"] = "none"
    if tensor.dtype is not torch.float32:
        table["dtype"] = str(tensor.dtype)
    if tensor.is_floating_point() or tensor.is_complex() or not tensor.numel():
        return table
    low, high = tensor.min().item(), tensor.max().item()
    if low == high:
        return {**table, "value": low}
    return table if tensor.dtype is torch.bool else {**table, "from": low, "below": int(high) + 1}
