"""Which elements of a constant are zero by a mask, whatever the weights are.

A constant that is no weight is a mask itself, if it holds zeros and no negative numbers. A masked
convolution multiplies its weight by zeros and ones before it uses it: every operation that makes
one weight of another is done a second time, on truth values. An element is open unless a constant
zero makes it zero. What is trained, drawn at random or not known here is open.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isinf
from typing import Any

import torch

from archcheck.network import Op
from archcheck.network.graph import data_inputs
from archcheck.network.operands import draws
from archcheck.tracing.mask_rules import Operands, Truths, low_elements, open_elements
from archcheck.tracing.shape_rules.base import Call
from archcheck.tracing.tensor_ids import is_parameter

MOST_ELEMENTS = 1 << 28
"""The most elements of a tensor whose values are kept."""
_SOME = 64


class KernelMasks:
    """What is open of the weights of a network, as the operations that make them run."""

    def __init__(self) -> None:
        self._weights: set[int] = set()
        self._seeded: set[int] = set()
        self._open = open_elements()
        self._low = low_elements()
        self._infinite: set[int] = set()

    def closed(self, number: int, constant: torch.Tensor) -> torch.Tensor | None:
        """Where a constant is zero by a mask; None if no mask closes any of it."""
        if not constant.requires_grad:
            self._note_weights((number,), (constant,))
            if not self.is_weight(number, constant):
                return _zeros(constant)
        is_open = self._open.known.get(number)
        return None if is_open is None else ~is_open

    def low(self, number: int) -> tuple[torch.Tensor | None, bool]:
        """Where a mask has added very low numbers to a weight, and whether infinite ones."""
        return self._low.known.get(number), number in self._infinite

    def follow(self, op: Op, call: Call) -> None:
        """Follow an operation none of whose operands depends on the input."""
        self._note_weights(op.inputs, call.inputs)
        self._note_results(op, call)
        if self._weights.isdisjoint(op.inputs):
            return
        for truths in (self._open, self._low):
            if not truths.concern(op.kind, op.inputs):
                continue
            numbers = dict(zip(map(id, call.inputs), op.inputs, strict=True))
            operands = Operands(call, numbers, truths, self.is_weight, self._low.known)
            for number, known in zip(op.outputs, truths.follow(operands), strict=False):
                if truths.keep(number, known) and truths is self._low:
                    self._note_infinite(number, op, call)

    def _note_infinite(self, number: int, op: Op, call: Call) -> None:
        values = [call.bound.get(name) for name in ("input", "other", "value")]
        numbers = [v for v in values if isinstance(v, float)]
        constants = [
            v
            for v, each in zip(call.inputs, op.inputs, strict=True)
            if v.is_floating_point() and not self.is_weight(each, v)
        ]
        made = any(map(isinf, numbers)) or any(bool(v.isinf().any()) for v in constants)
        if made or not self._infinite.isdisjoint(op.inputs):
            self._infinite.add(number)

    def _note_weights(self, numbers: Sequence[int], tensors: Sequence[torch.Tensor]) -> None:
        for number, tensor in zip(numbers, tensors, strict=True):
            if tensor.requires_grad or (is_parameter(tensor) and not _is_mask(tensor)):
                self._weights.add(number)

    def _note_results(self, op: Op, call: Call) -> None:
        made_of = self._weights.intersection(data_inputs(op))
        drawn = draws(op)
        if drawn or made_of:
            self._weights.update(op.outputs)
            if made_of <= self._seeded and (not drawn or is_seeded(call)):
                self._seeded.update(op.outputs)

    def is_weight(self, number: int, tensor: torch.Tensor) -> bool:
        """Whether a tensor is a weight, or made of one, or drawn at random.

        A mask that a generator of its own draws is the same in every pass.
        """
        return number in self._weights and not (number in self._seeded and is_binary(tensor))

    def handed_on(self, op: Op) -> None:
        """Follow tensors that hold the values of others."""
        if not self._weights.isdisjoint(op.inputs):
            self._weights.update(op.outputs)
        for truths in (self._open, self._low):
            for number, source in zip(op.outputs, op.inputs, strict=False):
                if source in truths.known:
                    truths.known[number] = truths.known[source]
        if not self._infinite.isdisjoint(op.inputs):
            self._infinite.update(op.outputs)

    def rewritten(self, op: Op) -> None:
        """Follow a write to a tensor through another view of its memory."""
        if self._weights.isdisjoint(op.inputs):
            return
        self._weights.update(op.outputs)
        if not self._infinite.isdisjoint(op.inputs):
            self._infinite.update(op.outputs)
        for truths in (self._open, self._low):
            if not truths.known.keys().isdisjoint(op.inputs):
                truths.keep(op.outputs[0], _rewritten(op, truths))


def _rewritten(op: Op, truths: Truths) -> torch.Tensor:
    """What is known of a tensor whose memory was written through another one."""
    seen, written = op.arguments["seen"], op.arguments["written"]
    memory = torch.full((max(map(_end, (seen, written))),), truths.usual)
    for number, (shape, strides, start) in zip(op.inputs, (seen, written), strict=True):
        memory.as_strided(shape, strides, start).copy_(truths.of_weight(number, shape))
    return memory.as_strided(*seen).clone()


def is_seeded(call: Call) -> bool:
    """Whether random numbers come from a generator that is named."""
    return call.kwargs.get("generator") is not None


def is_binary(tensor: torch.Tensor) -> bool:
    """Whether all elements are 0 or 1."""
    if tensor.dtype == torch.bool:
        return True
    if tensor.is_meta or tensor.layout != torch.strided or tensor.numel() > MOST_ELEMENTS:
        return False
    some = tensor.flatten()[:_SOME]  # most often enough to tell
    return all(bool(((t == 0) | (t == 1)).all()) for t in (some, tensor))


def _is_mask(parameter: torch.Tensor) -> bool:
    """Whether a parameter is one of zeros and ones that is never trained."""
    trained = parameter.requires_grad or parameter.is_meta
    return not trained and is_binary(parameter) and bool(parameter.any())


def _zeros(constant: torch.Tensor) -> torch.Tensor | None:
    """Where a mask is zero; None for a constant that is none.

    One of zeros alone is a state that was not written yet, and where numbers are negative, zeros
    are numbers like any others.
    """
    if constant.numel() < 2 or constant.is_meta or constant.layout != torch.strided:
        return None
    if constant.dtype.is_complex or constant.numel() > MOST_ELEMENTS:
        return None
    zeros = constant == 0
    if not bool(zeros.any()) or bool(zeros.all()) or bool((constant < 0).any()):
        return None
    return zeros


def _end(layout: Sequence[Any]) -> int:
    shape, strides, start = layout
    steps = [(size - 1) * stride for size, stride in zip(shape, strides, strict=True)]
    return int(start + sum(steps) + 1)
