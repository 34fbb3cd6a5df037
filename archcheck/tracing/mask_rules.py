"""What operations make of what is known of the elements of their operands, as truth values.

Every operation that makes one weight of another is done a second time: once to know which elements
no mask makes zero, and once to know to which a mask has added a very low number, so that a softmax
makes nothing of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F

from archcheck.network.constants import CUTTING
from archcheck.network.kinds import COPIES, VIEWS
from archcheck.tracing.shape_rules.base import Call
from archcheck.tracing.tensor_ids import tensors_in


@dataclass
class Truths:
    """What is known of the elements of weights, by number, where a mask has changed it.

    ``usual`` is what holds of a weight that no mask has changed, ``of_number`` what holds of a
    known number. ``carrying`` are the kinds that leave it as it is, and move elements at most;
    ``rules`` are those of others.
    """

    usual: bool
    of_number: Callable[[Any], Any]
    carrying: frozenset[str]
    rules: Mapping[str, Callable[[Operands], Any]]
    known: dict[int, torch.Tensor] = field(default_factory=dict)

    def of_weight(self, number: int, shape: Any) -> torch.Tensor:
        """What is known of a weight."""
        known = self.known.get(number)
        return torch.full(tuple(shape), self.usual) if known is None else known

    def keep(self, number: int, truths: torch.Tensor) -> bool:
        """Keep what is known of a weight; False if there is nothing but the usual."""
        unusual = bool((truths != self.usual).any())
        if unusual:
            self.known[number] = truths.clone()
        return unusual

    def concern(self, kind: str, numbers: Sequence[int]) -> bool:
        """Whether something may be known of what an operation makes of some operands."""
        carried = kind in self.carrying and not self.known.keys().isdisjoint(numbers)
        return carried or kind in self.rules

    def follow(self, operands: Operands) -> list[torch.Tensor]:
        """What is known of the results of a call; nothing if it is called in an unknown way."""
        try:
            return tensors_in(self.rules.get(operands.call.kind, _carried)(operands))
        except Exception:
            return []


class Operands:
    """What is known of the operands of one call, by the names of its arguments.

    ``weights`` says which of them are weights, ``low`` what is known of them besides.
    """

    def __init__(
        self,
        call: Call,
        numbers: dict[int, int],
        truths: Truths,
        is_weight: Callable[[int, torch.Tensor], bool],
        low: Mapping[int, torch.Tensor],
    ) -> None:
        self.call = call
        self.numbers = numbers
        self.low = low
        self._truths = truths
        self._is_weight = is_weight

    def __call__(self, name: str) -> torch.Tensor:
        """The truth values of a tensor or a number."""
        return self.of(self.call.bound[name])

    def of(self, value: Any) -> torch.Tensor:
        """The truth values of one operand."""
        if not isinstance(value, torch.Tensor):
            return torch.as_tensor(bool(self._truths.of_number(value)))
        if self.trained(value):
            return self._truths.of_weight(self.numbers[id(value)], value.shape)
        overwritten = self.call.in_place and value is self.call.inputs[0]
        if overwritten and self.call.kind != "setitem":
            return torch.full(value.shape, self._truths.usual)
        truths: torch.Tensor = self._truths.of_number(value).cpu()
        return truths

    def negated(self, name: str) -> torch.Tensor:
        """The truth values of an operand that is taken away; of a weight nothing is known."""
        value = self.call.bound[name]
        if isinstance(value, torch.Tensor) and self.trained(value):
            return torch.full(value.shape, self._truths.usual)
        return self.of_number(-value)

    def of_number(self, value: Any) -> torch.Tensor:
        """The truth values of a constant or a number."""
        return torch.as_tensor(self._truths.of_number(value)).cpu()

    def either(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """What is sure of an element that is one or the other."""
        return first | second if self._truths.usual else first & second

    def trained(self, value: torch.Tensor) -> bool:
        """Whether an operand is a weight, whose own values mean nothing."""
        return self._is_weight(self.numbers[id(value)], value)


def _carried(operands: Operands) -> Any:
    """The same elements, perhaps in other places."""
    call = operands.call
    first, *rest = call.args
    if call.kind in VIEWS:
        return call.func(operands.of(first), *rest, **call.kwargs)
    return operands.of(first)


def _product(operands: Operands) -> Any:
    return operands("input") & operands("other")


def _scaled(operands: Operands) -> Any:
    """By a number above zero."""
    other = operands.call.bound["other"]
    return operands("input") if isinstance(other, (int, float)) and other > 0 else []


def _lowered(operands: Operands) -> Any:
    """A sum is very low where a summand is."""
    if operands.call.bound.get("alpha", 1) != 1:
        return []
    first, second = operands.call.bound["input"], operands.call.bound["other"]
    if operands.call.kind == "add":
        return operands.of(first) | operands.of(second)
    if "rsub" in operands.call.function:
        return operands.negated("input") | operands.of(second)
    return operands.of(first) | operands.negated("other")


def _weighed(operands: Operands) -> Any:
    """Nothing is left of what is very low beside others."""
    value, bound = operands.call.bound["input"], operands.call.bound
    low = operands.low[operands.numbers[id(value)]]
    return ~low | low.all(bound["dim"], keepdim=True)


def _quotient(operands: Operands) -> Any:
    return operands("input") & torch.ones_like(operands("other"))


def _sum(operands: Operands) -> Any:
    return operands("input") | operands("other")


def _chosen(operands: Operands) -> Any:
    condition = operands.call.bound["condition"]
    if operands.trained(condition):
        return operands.either(operands("input"), operands("other"))
    return torch.where(condition.cpu(), operands("input"), operands("other"))


def _filled(operands: Operands) -> Any:
    mask = operands.call.bound["mask"]
    if operands.trained(mask):
        return operands.either(operands("input"), operands("value"))
    return torch.where(mask.cpu(), operands("value"), operands("input"))


def _triangle(operands: Operands) -> Any:
    part = torch.tril if operands.call.kind == "tril" else torch.triu
    return part(operands("input"), operands.call.bound.get("diagonal", 0))


def _joined(operands: Operands) -> Any:
    join = torch.cat if operands.call.kind == "cat" else torch.stack
    tensors = [operands.of(tensor) for tensor in operands.call.bound["tensors"]]
    return join(tensors, operands.call.bound.get("dim", 0))


def _padded(operands: Operands) -> Any:
    bound = operands.call.bound
    amounts, mode = bound["pad"], bound.get("mode", "constant")
    is_open = operands("input").float()
    if mode == "constant":
        return F.pad(is_open, amounts, value=float(operands.of(bound.get("value") or 0))) > 0
    return F.pad(is_open, amounts, mode) > 0


def _written(operands: Operands) -> Any:
    is_open = operands("input").clone()
    is_open[operands.call.bound["index"]] = operands("value")
    return is_open


def _overwritten(operands: Operands) -> Any:
    value = operands.of(0)
    if operands.call.kind != "zero":
        value = operands("src" if operands.call.kind == "copy" else "value")
    return value.expand(operands("input").shape)


def _contracted(operands: Operands) -> Any:
    bound = operands.call.bound
    factors = [operands.of(tensor).float() for tensor in tensors_in(bound["operands"])]
    return torch.einsum(bound["equation"], *factors) > 0


_Rules = dict[str, Callable[[Operands], Any]]
_CHOOSING: _Rules = {
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
}
_ZEROS: _Rules = {
    "mul": _product,
    "div": _quotient,
    "add": _sum,
    "sub": _sum,
    "einsum": _contracted,
    "softmax": _weighed,
}
_LOW: _Rules = {"add": _lowered, "sub": _lowered, "mul": _scaled, "div": _scaled}
_MOVING = COPIES | VIEWS | {"dropout"}


def open_elements() -> Truths:
    """Which elements no mask makes zero."""
    carrying = _MOVING | {"_weight_norm", "normalize", "neg", "abs", "relu", "square", "tanh"}
    return Truths(True, lambda value: value != 0, carrying, _CHOOSING | _ZEROS)


def low_elements() -> Truths:
    """To which elements a mask has added a very low number."""
    return Truths(False, lambda value: value <= -CUTTING, _MOVING, _CHOOSING | _LOW)
