"""Recording the values of constant masks and indices, which decide what paths there are."""

from __future__ import annotations

import zlib
from collections.abc import Sequence, Set

import numpy as np
import torch

from archcheck.network import Op
from archcheck.network.constants import (
    BINARY,
    BOOLEANS,
    CUTTING,
    HIGH,
    INTEGERS,
    LEARNED,
    LOW,
    NUMBERS,
    ONES,
    UNREAD,
    WIDE,
    ZERO,
    ZEROS,
    Constant,
)
from archcheck.network.graph import data_inputs
from archcheck.network.kinds import (
    CONVOLUTIONS,
    FACTORIES,
    INDEXING,
    LINEAR,
    MASKING,
    MATRIX_PRODUCTS,
    NORMALIZATIONS,
    PACKING,
    TEMPLATES,
    TRANSPOSED_CONVOLUTIONS,
)
from archcheck.network.operands import draws, may_close
from archcheck.tracing.kernel_masks import MOST_ELEMENTS, KernelMasks, is_binary, is_seeded
from archcheck.tracing.shape_rules.base import Call
from archcheck.tracing.tensor_ids import is_parameter

_KERNELS = CONVOLUTIONS | TRANSPOSED_CONVOLUTIONS | LINEAR
_PRODUCTS = (MATRIX_PRODUCTS - {"cdist"}) | {"mul", "div", "addcmul", "lerp"}
_CLOSING = _KERNELS | _PRODUCTS
"""The kinds of operation for which zeros in a constant take paths out."""
_DECIDING = MASKING | INDEXING
"""The kinds by which the values of a constant say what paths there are."""
_CLOSING_ONLY = _CLOSING - _DECIDING - {"mul", "lerp"}
"""The kinds of which nothing but such zeros is kept."""
_PARTLY = FACTORIES | TEMPLATES | PACKING | {"data"}
"""The kinds whose results may be constants though an operand depends on the input."""
_DECISIVE = _CLOSING | _DECIDING | _PARTLY
"""All of these. Of a normalisation only zeros that it may scale everything by are kept."""


class Constants:
    """The constants whose values decide about paths, as the operations that read them run."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int, str], Constant] = {}
        self._learned: set[int] = set()
        self._drawn: set[int] = set()
        self._kernels = KernelMasks()

    @property
    def kept(self) -> tuple[Constant, ...]:
        """The constants that were kept."""
        return tuple(self._kept.values())

    def note(self, op: Op, call: Call, driven: Set[int]) -> None:
        """Keep the constants an operation reads; ``driven`` are its inputs that are not constants.

        A structure must not depend on the values of weights: what is made of trainable
        parameters is never kept, nor is a mask that is drawn at random. What any other kind of
        operation makes of an input depends on it, whatever constants it reads: there is nothing to
        keep, and nothing to follow.
        """
        inputs = call.inputs
        if inputs and len(driven) == len(inputs):
            return  # there is no constant, and what depends on the input is never one
        if not driven:
            self._follow(op, call)
        elif op.kind in NORMALIZATIONS:
            for number, tensor in zip(op.inputs, inputs, strict=True):
                if number not in driven and number not in self._learned:
                    self._keep_zero(op, number, tensor)
        elif op.kind in _DECISIVE:
            self._keep_read(op, call, driven)

    def _follow(self, op: Op, call: Call) -> None:
        """Follow an operation on constants, whose results are constants."""
        self._learn(op.inputs, call.inputs)
        self.learn_from(op)
        if draws(op) and not is_seeded(call):
            self._drawn.update(op.outputs)
        if op.kind == "mul":
            self._note_masks(op, call.inputs)
        self._kernels.follow(op, call)

    def _learn(self, numbers: Sequence[int], tensors: Sequence[torch.Tensor]) -> None:
        for number, tensor in zip(numbers, tensors, strict=True):
            if type(tensor) is not torch.Tensor and is_parameter(tensor) and tensor.requires_grad:
                self._learned.add(number)

    def _keep_read(self, op: Op, call: Call, driven: Set[int]) -> None:
        """Keep the constants among the operands of an operation that may take paths out."""
        inputs = call.inputs
        if op.kind in _CLOSING:
            # What was written in place is kept as it was before.
            after = 1 if call.in_place else 0
            self._keep_zeros(op.kind, op.inputs[after:], inputs[after:], driven)
        if op.kind in _CLOSING_ONLY:
            return
        self._learn(op.inputs, inputs)
        if op.kind in _PARTLY:
            self.learn_from(op)
        if op.kind == "lerp" and op.inputs[-1] not in driven | self._learned | self._drawn:
            self._put(op.inputs[-1], ONES, inputs[-1] == 1)
        read = data_inputs(op)
        decides = op.kind in _DECIDING
        for number, tensor in zip(op.inputs, inputs, strict=True):
            if number in driven or number not in read:
                continue
            by_chance = op.kind in MASKING and number in self._drawn
            if number not in self._learned and not by_chance:
                if decides:
                    self._keep(op, number, tensor)
                self._keep_zero(op, number, tensor)
            elif not tensor.is_floating_point():
                self._kept[number, LEARNED] = Constant(number, LEARNED, tuple(tensor.shape))
            elif op.kind in MASKING:
                self._keep_low(number)

    def _keep_zero(self, op: Op, number: int, tensor: torch.Tensor) -> None:
        if not is_parameter(tensor) and may_close(op, number) and _is_zero(tensor):
            self._kept[number, ZERO] = Constant(number, ZERO, tuple(tensor.shape))

    def _keep_low(self, number: int) -> None:
        low, infinite = self._kernels.low(number)
        if low is not None:
            self._put(number, LOW, low, infinite=infinite)

    def _keep_unread(self, number: int, tensor: torch.Tensor) -> None:
        if not self._kernels.is_weight(number, tensor):
            self._kept[number, UNREAD] = Constant(number, UNREAD, tuple(tensor.shape))

    def before_write(
        self, kind: str, numbers: Sequence[int], tensors: Sequence[torch.Tensor], driven: Set[int]
    ) -> None:
        """Keep what a product in place is about to write over."""
        if kind in _PRODUCTS and driven:
            self._keep_zeros(kind, numbers[:1], tensors[:1], driven)

    def _note_masks(self, op: Op, inputs: Sequence[torch.Tensor]) -> None:
        """Note the masks of zeros and ones among the operands of a product of constants."""
        for number, tensor in zip(op.inputs, inputs, strict=True):
            if not is_parameter(tensor) and is_binary(tensor):
                self._kept[number, BINARY] = Constant(number, BINARY, tuple(tensor.shape))

    def handed_on(self, op: Op) -> None:
        """Follow tensors that were made of others outside of torch's functions."""
        self.learn_from(op)
        self._kernels.handed_on(op)

    def rewritten(self, op: Op) -> None:
        """Follow a write to a constant through another view of its memory."""
        self.learn_from(op)
        self._kernels.rewritten(op)

    def _keep_zeros(
        self, kind: str, numbers: Sequence[int], tensors: Sequence[torch.Tensor], driven: Set[int]
    ) -> None:
        for number, tensor in zip(numbers, tensors, strict=True):
            if number in driven or (number, ZEROS) in self._kept:
                continue
            closed = self._kernels.closed(number, tensor)
            if closed is not None:
                self._put(number, ZEROS, closed)
            elif tensor.is_meta and tensor.numel() > 1 and kind in _PRODUCTS:
                self._keep_unread(number, tensor)

    def learn_from(self, op: Op) -> None:
        """Mark an operation's results as made of weights, or of chance, if its inputs are."""
        read = data_inputs(op)
        for known in (self._learned, self._drawn):
            if not known.isdisjoint(read):
                known.update(op.outputs)

    def _keep(self, op: Op, number: int, tensor: torch.Tensor) -> None:
        if tensor.layout != torch.strided:
            return
        masking, indexing = op.kind in MASKING, op.kind in INDEXING
        readable = not tensor.is_meta and tensor.numel() <= MOST_ELEMENTS
        if tensor.dtype == torch.bool:
            if readable:
                self._put(number, BOOLEANS, tensor)
        elif tensor.is_floating_point() and op.kind == "grid_sample":
            if readable and tensor.shape[-1] in (2, 3) and number == op.inputs[1]:
                self._put(number, NUMBERS, tensor)
        elif tensor.is_floating_point():
            if masking and readable:
                self._put_extremes(op, number, tensor)
            elif masking and tensor.numel() > 1:
                self._kept[number, UNREAD] = Constant(number, UNREAD, tuple(tensor.shape))
        elif indexing and readable and not tensor.is_complex():
            self._put(number, INTEGERS, tensor)

    def _put_extremes(self, op: Op, number: int, tensor: torch.Tensor) -> None:
        kinds = ((LOW, tensor <= -CUTTING), (HIGH, tensor >= CUTTING))
        for kind, bits in kinds if op.kind == "sub" else kinds[:1]:
            if (number, kind) not in self._kept and bool(bits.any()):
                infinite = bool(torch.isinf(tensor[bits]).any())
                self._put(number, kind, bits, infinite=infinite)

    def _put(self, number: int, kind: str, tensor: torch.Tensor, *, infinite: bool = False) -> None:
        if (number, kind) in self._kept:
            return
        values = tensor.detach().cpu().numpy()
        raw = values.astype(WIDE[kind]) if kind in WIDE else np.packbits(values)
        data = zlib.compress(raw.tobytes(), 1)
        self._kept[number, kind] = Constant(number, kind, values.shape, data, infinite)


def _is_zero(tensor: torch.Tensor) -> bool:
    """Whether a tensor holds nothing but zeros."""
    return not tensor.is_meta and tensor.layout is torch.strided and not bool(tensor.any())
