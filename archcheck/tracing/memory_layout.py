"""How tensors lie in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch


def layout(tensor: torch.Tensor) -> list[Any]:
    """How a tensor lies in memory: its shape, its strides and its offset, in elements."""
    return [list(tensor.shape), list(tensor.stride()), tensor.storage_offset()]


def reads_elsewhere(kind: str, inputs: Sequence[torch.Tensor], made: Sequence[Any]) -> bool:
    """Whether memory is read that is not that of the elements of the tensor that is given."""
    if kind != "as_strided" or not inputs:
        return False
    first, last = _extent(inputs[0])
    start, end = _extent(made[0])
    return inputs[0].numel() <= last - first or start < first or end > last


def _extent(tensor: torch.Tensor) -> tuple[int, int]:
    """The first and the last place that a tensor's elements have in its memory."""
    offset = int(tensor.storage_offset())
    pairs = zip(tensor.shape, tensor.stride(), strict=True)
    return offset, offset + sum((size - 1) * stride for size, stride in pairs)
