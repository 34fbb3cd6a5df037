"""Which elements of a constant are zero by a mask, whatever the weights are.

A constant that is no weight is a mask itself, if it holds zeros and no negative numbers. A masked
convolution multiplies its weight by zeros and ones before it uses it: every operation that makes
one weight of another is done a second time, on truth values. An element is open unless a constant
zero makes it zero. What is trained, drawn at random or not known here is open.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F

from archcheck.network import Op
from archcheck.network.graph import data_inputs
from archcheck.network.kinds import COPIES, VIEWS
from archcheck.tracing.shape_rules.base import RANDOM, Call
from archcheck.tracing.tensor_ids import is_parameter, tensors_in

_CARRYING = COPIES | VIEWS | {"_weight_norm", "normalize", "neg", "abs", "relu", "square", "tanh"}
"""The kinds that leave zeros zero, and move elements at most."""
MOST_ELEMENTS = 1 << 28
"""The most elements of a tensor whose values are kept."""
_SOME = 64


class KernelMasks:
    """What is open of the weights of a network, as the operations that make them run."""

    def __init__(self) -> None:
        self._weights: set[int] = set()
        self._seeded: set[int] = set()
        self._open: dict[int, torch.Tensor] = {}

    def closed(self, number: int, constant: torch.Tensor) -> torch.Tensor | None:
        """Where a constant is zero by a mask; None if no mask closes any of it."""
        if not constant.requires_grad:
            self._note_weights((number,), (constant,))
            if not self.is_weight(number, constant):
                return _zeros(constant)
        is_open = self._open.get(number)
        return None if is_open is None else ~is_open

    def follow(self, op: Op, call: Call) -> None:
        """Follow an operation none of whose operands depends on the input."""
        numbers = dict(zip(map(id, call.inputs), op.inputs, strict=True))
        self._note_weights(op.inputs, call.inputs)
        self._note_results(op, call)
        if self._weights.isdisjoint(op.inputs):
            return
        rule = _RULES.get(op.kind)
        if rule is None and (op.kind not in _CARRYING or self._open.keys().isdisjoint(op.inputs)):
            return

        try:
            results = tensors_in((rule or _carried)(_Operands(self, call, numbers)))
        except Exception:
            return  # called in a way that is not known here: all of it stays open
        for number, is_open in zip(op.outputs, results, strict=False):
            self._keep(number, is_open)

    def _note_weights(self, numbers: Sequence[int], tensors: Sequence[torch.Tensor]) -> None:
        for number, tensor in zip(numbers, tensors, strict=True):
            if tensor.requires_grad or (is_parameter(tensor) and not _is_mask(tensor)):
                self._weights.add(number)

    def _note_results(self, op: Op, call: Call) -> None:
        made_of = self._weights.intersection(data_inputs(op))
        if op.kind in RANDOM or made_of:
            self._weights.update(op.outputs)
            if made_of <= self._seeded and (op.kind not in RANDOM or is_seeded(call)):
                self._seeded.update(op.outputs)

    def is_weight(self, number: int, tensor: torch.Tensor) -> bool:
        """Whether a tensor is a weight, or made of one, or drawn at random.

        A mask that a generator of its own draws is the same in every pass.
        """
        return number in self._weights and not (number in self._seeded and is_binary(tensor))

    def open(self, number: int, like: torch.Tensor) -> torch.Tensor:
        """Where no mask makes a weight zero."""
        is_open = self._open.get(number)
        return torch.ones(like.shape, dtype=torch.bool) if is_open is None else is_open

    def handed_on(self, op: Op) -> None:
        """Follow tensors that hold the values of others."""
        if not self._weights.isdisjoint(op.inputs):
            self._weights.update(op.outputs)
        for number, source in zip(op.outputs, op.inputs, strict=False):
            if source in self._open:
                self._open[number] = self._open[source]

    def rewritten(self, op: Op) -> None:
        """Follow a write to a tensor through another view of its memory."""
        before, after = op.inputs
        if self._weights.isdisjoint(op.inputs):
            return
        self._weights.update(op.outputs)
        seen, written = op.arguments["seen"], op.arguments["written"]
        if self._open.keys().isdisjoint(op.inputs):
            return
        memory = torch.ones(max(map(_end, (seen, written))), dtype=torch.bool)
        for number, (shape, strides, start) in ((before, seen), (after, written)):
            part = memory.as_strided(shape, strides, start)
            part.copy_(self._open.get(number, torch.ones(shape, dtype=torch.bool)))
        self._keep(op.outputs[0], memory.as_strided(*seen).clone())

    def _keep(self, number: int, is_open: torch.Tensor) -> None:
        if not bool(is_open.all()):
            self._open[number] = is_open.clone()


class _Operands:
    """What is open of the operands of one call, by the names of its arguments."""

    def __init__(self, masks: KernelMasks, call: Call, numbers: dict[int, int]) -> None:
        self.call = call
        self._masks = masks
        self._numbers = numbers

    def __call__(self, name: str) -> torch.Tensor:
        """The truth values of a tensor or a number."""
        return self.of(self.call.bound[name])

    def of(self, value: Any) -> torch.Tensor:
        """The truth values of one operand."""
        if not isinstance(value, torch.Tensor):
            return torch.as_tensor(bool(value != 0))
        if self.trained(value):
            return self._masks.open(self._numbers[id(value)], value)
        overwritten = self.call.in_place and value is self.call.inputs[0]
        if overwritten and self.call.kind != "setitem":
            return torch.ones(value.shape, dtype=torch.bool)
        return (value != 0).cpu()

    def trained(self, value: torch.Tensor) -> bool:
        """Whether an operand is a weight, whose own zeros mean nothing."""
        return self._masks.is_weight(self._numbers[id(value)], value)


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


def _carried(operands: _Operands) -> Any:
    """The same elements, perhaps in other places."""
    call = operands.call
    first, *rest = call.args
    if call.kind in VIEWS:
        return call.func(operands.of(first), *rest, **call.kwargs)
    return operands.of(first)


def _product(operands: _Operands) -> Any:
    return operands("input") & operands("other")


def _quotient(operands: _Operands) -> Any:
    return operands("input") & torch.ones_like(operands("other"))


def _sum(operands: _Operands) -> Any:
    return operands("input") | operands("other")


def _chosen(operands: _Operands) -> Any:
    condition = operands.call.bound["condition"]
    if operands.trained(condition):
        return _sum(operands)
    return torch.where(condition.cpu(), operands("input"), operands("other"))


def _filled(operands: _Operands) -> Any:
    mask = operands.call.bound["mask"]
    if operands.trained(mask):
        return operands("input") | operands("value")
    return torch.where(mask.cpu(), operands("value"), operands("input"))


def _triangle(operands: _Operands) -> Any:
    part = torch.tril if operands.call.kind == "tril" else torch.triu
    return part(operands("input"), operands.call.bound.get("diagonal", 0))


def _joined(operands: _Operands) -> Any:
    join = torch.cat if operands.call.kind == "cat" else torch.stack
    tensors = [operands.of(tensor) for tensor in operands.call.bound["tensors"]]
    return join(tensors, operands.call.bound.get("dim", 0))


def _padded(operands: _Operands) -> Any:
    bound = operands.call.bound
    amounts, mode = bound["pad"], bound.get("mode", "constant")
    is_open = operands("input").float()
    if mode == "constant":
        return F.pad(is_open, amounts, value=float(bool(bound.get("value")))) > 0
    return F.pad(is_open, amounts, mode) > 0


def _written(operands: _Operands) -> Any:
    is_open = operands("input").clone()
    is_open[operands.call.bound["index"]] = operands("value")
    return is_open


def _overwritten(operands: _Operands) -> Any:
    value = torch.tensor(False)
    if operands.call.kind != "zero":
        value = operands("src" if operands.call.kind == "copy" else "value")
    return value.expand(operands("input").shape)


def _contracted(operands: _Operands) -> Any:
    bound = operands.call.bound
    factors = [operands.of(tensor).float() for tensor in tensors_in(bound["operands"])]
    return torch.einsum(bound["equation"], *factors) > 0


_RULES: dict[str, Callable[[_Operands], Any]] = {
    "mul": _product,
    "div": _quotient,
    "add": _sum,
    "sub": _sum,
    "where": _chosen,
    "masked_fill": _filled,
    "tril": _triangle,
    "triu": _triangle,
    "cat": _joined,
    "stack": _joined,
    "pad": _padded,
    "setitem": _written,
    "copy": _overwritten,
    "fill": _overwritten,
    "zero": _overwritten,
    "einsum": _contracted,
}
