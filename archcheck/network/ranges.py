"""Between which numbers the values of a tensor lie, whatever the network reads.

Interval arithmetic (Moore, *Interval Analysis*, 1966), operation by operation. What is not a number
(``0 / 0``) is left out of account.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from math import inf
from typing import Any

from archcheck.network import kinds
from archcheck.network.model import Network, Op
from archcheck.network.operands import filled_with, is_reversed, tensor_of

Range = tuple[float, float]
ANY: Range = (-inf, inf)
_TRUE_OR_FALSE: Range = (0.0, 1.0)
_UPWARDS: Range = (0.0, inf)

_RISING: dict[str, Callable[[float], float]] = {
    "relu": lambda v: max(v, 0.0),
    "relu6": lambda v: min(max(v, 0.0), 6.0),
    "hardsigmoid": lambda v: min(max(v / 6 + 0.5, 0.0), 1.0),
    "sigmoid": lambda v: 1 / (1 + _exp(-v)),
    "logsigmoid": lambda v: -_softplus(-v),
    "softplus": lambda v: _softplus(v),
    "tanh": math.tanh,
    "erf": math.erf,
    "atan": math.atan,
    "exp": lambda v: _exp(v),
    "expm1": lambda v: _exp(v) - 1,
    "log1p": lambda v: math.log1p(v) if v > -1 else -inf,
    "log": lambda v: math.log(v) if v > 0 else -inf,
    "sqrt": lambda v: math.sqrt(max(v, 0.0)),
    "sign": lambda v: float((v > 0) - (v < 0)),
    "floor": lambda v: v if math.isinf(v) else float(math.floor(v)),
    "ceil": lambda v: v if math.isinf(v) else float(math.ceil(v)),
    "round": lambda v: v if math.isinf(v) else float(round(v)),
    "trunc": lambda v: v if math.isinf(v) else float(math.trunc(v)),
    "positive": lambda v: v,
}
"""Functions that grow with what they read."""
_FIXED: dict[str, Range] = {
    **dict.fromkeys("softmax softmin".split(), _TRUE_OR_FALSE),
    **dict.fromkeys("sin cos".split(), (-1.0, 1.0)),
    **dict.fromkeys("std var norm vector_norm matrix_norm count_nonzero".split(), _UPWARDS),
    **dict.fromkeys("isinf isfinite logical_not eq ne isclose".split(), _TRUE_OR_FALSE),
    "isnan": (0.0, 0.0),
    "log_softmax": (-inf, 0.0),
    "rand": _TRUE_OR_FALSE,
    "rand_like": _TRUE_OR_FALSE,
}
_KEEPING = (
    (kinds.VIEWS - {"diff"})
    | kinds.COPIES
    | (kinds.MAX_POOLS | kinds.ADAPTIVE_AVERAGE_POOLS)
    | frozenset("mean amax amin max min median mode kthvalue sort topk nanmean".split())
)
"""Kinds whose results lie where what they read lies."""
_ORDERS = frozenset("gt ge lt le".split())
_WHOLE = frozenset("uint8 int8 int16 int32 int64".split())


class Ranges:
    """The ranges of a network's tensors, one operation after the other."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._known: dict[int, Range] = {}

    def of(self, tensor: int) -> Range:
        """The range of a tensor."""
        known = self._known.get(tensor)
        if known is not None:
            return known
        maker = self._network.producer(tensor)
        return _of_factory(maker) if maker is not None and maker.kind in kinds.FACTORIES else ANY

    def note(self, op: Op, found: Range | None = None) -> Range:
        """Work out the range of an operation's first result, unless it is ``found`` otherwise."""
        found = self._worked_out(op) if found is None else found
        if any(map(math.isnan, found)):
            found = ANY
        if op.outputs and found != ANY:
            self._known[op.outputs[0]] = found
        return found

    def argument(self, op: Op, name: str, default: float | None = None) -> Range:
        """The range of an argument, a tensor or a number."""
        value: Any = op.arguments.get(name)
        value = default if value is None else value
        tensor = tensor_of(value)
        if tensor is not None:
            return self.of(tensor)
        return (float(value), float(value)) if isinstance(value, (bool, int, float)) else ANY

    def _worked_out(self, op: Op) -> Range:
        kind = op.kind
        first = self.argument(op, "input") if "input" in op.arguments else ANY
        if kind in _RISING:
            return _RISING[kind](first[0]), _RISING[kind](first[1])
        if kind in _FIXED:
            return _FIXED[kind]
        if kind in kinds.COPIES:
            return self._converted(op)
        if kind in _KEEPING and len(op.inputs) == 1:
            return self.of(op.inputs[0])
        if kind in ("cat", "stack"):
            return _around(*[self.of(tensor) for tensor in op.inputs])
        if kind in kinds.FIXED_AVERAGE_POOLS:
            return _around(first, (0.0, 0.0))  # beside padding
        if kind in kinds.DROPOUTS and op.arguments.get("training") is False:
            return first
        if kind == "sum" or (kind in kinds.DROPOUTS and "alpha" not in kind):
            return (0.0 if first[0] >= 0 else -inf, 0.0 if first[1] <= 0 else inf)
        made = _OF_TWO.get(kind)
        return ANY if made is None else made(self, op)

    def _converted(self, op: Op) -> Range:
        if not op.outputs or not op.inputs:
            return ANY
        low, high = self.of(op.inputs[0])
        dtype = self._network.tensors[op.outputs[0]].dtype
        if dtype == "bool":
            return _truth((low, high))
        return (_RISING["trunc"](low), _RISING["trunc"](high)) if dtype in _WHOLE else (low, high)

    def gives_truth(self, op: Op) -> bool:
        """Whether an operation's result is true or false."""
        return self._network.tensors[op.outputs[0]].dtype == "bool"

    def operands(self, op: Op) -> tuple[Range, Range]:
        """The ranges of both sides of an operator, in their order."""
        first, other = self.argument(op, "input"), self.argument(op, "other")
        return (other, first) if is_reversed(op) else (first, other)


def _of_factory(op: Op) -> Range:
    value = filled_with(op)
    if isinstance(value, (bool, int, float)):
        return float(value), float(value)
    return _FIXED.get(op.kind, ANY)


def _exp(value: float) -> float:
    return math.exp(value) if value < 700 else inf


def _softplus(value: float) -> float:
    return max(value, 0.0) + math.log1p(_exp(-abs(value)))


def _around(*ranges: Range) -> Range:
    return min((r[0] for r in ranges), default=-inf), max((r[1] for r in ranges), default=inf)


def _of_ends(chosen: Callable[[float, float], float], a: Range, b: Range) -> Range:
    return chosen(a[0], b[0]), chosen(a[1], b[1])


def _times(a: float, b: float) -> float:
    return 0.0 if a == 0 or b == 0 else a * b


def _product(a: Range, b: Range) -> Range:
    ends = [_times(x, y) for x in a for y in b]
    return min(ends), max(ends)


def _times_tensor(ranges: Ranges, op: Op) -> Range:
    if op.arguments.get("input") == op.arguments.get("other"):
        return _square(ranges, op)
    return _product(*ranges.operands(op))


def _sum(ranges: Ranges, op: Op) -> Range:
    first, other = ranges.operands(op)
    alpha = op.arguments.get("alpha", 1)
    if not isinstance(alpha, (int, float)) or (alpha != 1 and is_reversed(op)):
        return ANY
    sign = -alpha if op.kind == "sub" else alpha
    low, high = _product(other, (float(sign), float(sign)))
    return first[0] + low, first[1] + high


def _quotient(ranges: Ranges, op: Op) -> Range:
    first, (low, high) = ranges.operands(op)
    if op.arguments.get("rounding_mode") is not None:
        return ANY
    if low > 0 or high < 0:
        return _product(first, (1 / high, 1 / low))
    return (0.0, 0.0) if first == (0.0, 0.0) else ANY


def _order(ranges: Ranges, op: Op) -> Range:
    first, other = ranges.operands(op)
    if op.kind in ("lt", "le"):
        first, other = other, first
    strict = op.kind in ("gt", "lt")
    if first[0] > other[1] or (not strict and first[0] >= other[1]):
        return 1.0, 1.0
    if first[1] < other[0] or (strict and first[1] <= other[0]):
        return 0.0, 0.0
    return _TRUE_OR_FALSE


def _clamp(ranges: Ranges, op: Op) -> Range:
    names = ("min_val", "max_val") if op.kind == "hardtanh" else ("min", "max")
    default = 1.0 if op.kind == "hardtanh" else inf
    low, high = ranges.argument(op, names[0], -default), ranges.argument(op, names[1], default)
    first = ranges.argument(op, "input")
    return min(max(first[0], low[0]), high[0]), min(max(first[1], low[1]), high[1])


def _power(ranges: Ranges, op: Op) -> Range:
    exponent = op.arguments.get("exponent")
    if ranges.argument(op, "exponent") == (0.0, 0.0) and not is_reversed(op):
        return 1.0, 1.0
    if is_reversed(op) or not isinstance(exponent, int) or exponent % 2 or exponent < 0:
        return ANY
    return _square(ranges, op) if exponent == 2 else _UPWARDS


def _both(ranges: Ranges, op: Op) -> Range:
    first, other = (_truth(each) for each in ranges.operands(op))
    both = op.kind in ("bitwise_and", "logical_and")
    if op.kind.startswith("bitwise") and not ranges.gives_truth(op):
        return (0.0, 0.0) if both and (0.0, 0.0) in (first, other) else ANY
    return _of_ends(min if both else max, first, other)


def _truth(values: Range) -> Range:
    return (0.0, 0.0) if values == (0.0, 0.0) else (float(values[0] > 0 or values[1] < 0), 1.0)


def _shrunk(ranges: Ranges, op: Op) -> Range:
    (low, high), bound = ranges.argument(op, "input"), ranges.argument(op, "lambd", 0.5)[0]
    return (0.0, 0.0) if -bound <= low and high <= bound else (min(low, 0.0), max(high, 0.0))


def _over_threshold(ranges: Ranges, op: Op) -> Range:
    values, (value, _) = ranges.argument(op, "input"), ranges.argument(op, "value")
    if values[1] <= ranges.argument(op, "threshold")[0]:
        return value, value
    return _around(values, (value, value))


def _leaking(ranges: Ranges, op: Op) -> Range:
    name, default = ("weight", None) if op.kind == "prelu" else ("negative_slope", 0.01)
    slope, (low, high) = ranges.argument(op, name, default), ranges.argument(op, "input")
    below = _product((min(low, 0.0), min(high, 0.0)), slope)
    return (
        _around(below, (max(low, 0.0), max(high, 0.0)))
        if low < 0 < high
        else (below if high <= 0 else (low, high))
    )


def _square(ranges: Ranges, op: Op) -> Range:
    low, high = _absolute(ranges, op)
    return low * low, high * high


def _absolute(ranges: Ranges, op: Op) -> Range:
    low, high = ranges.argument(op, "input")
    return max(low, -high, 0.0), max(-low, high)


def _negative(ranges: Ranges, op: Op) -> Range:
    low, high = ranges.argument(op, "input")
    return -high, -low


def _choice(ranges: Ranges, op: Op) -> Range:
    if op.kind == "masked_fill":
        return _around(ranges.argument(op, "input"), ranges.argument(op, "value"))
    condition = ranges.argument(op, "condition")
    names = {(1.0, 1.0): ("input",), (0.0, 0.0): ("other",)}.get(condition, ("input", "other"))
    return _around(*[ranges.argument(op, name) for name in names])


_OF_TWO: Mapping[str, Callable[[Ranges, Op], Range]] = {
    **dict.fromkeys(("add", "sub"), _sum),
    **dict.fromkeys(_ORDERS, _order),
    **dict.fromkeys(("clamp", "clamp_min", "clamp_max", "hardtanh"), _clamp),
    **dict.fromkeys(("where", "masked_fill"), _choice),
    "mul": _times_tensor,
    "div": _quotient,
    **dict.fromkeys("bitwise_and bitwise_or logical_and logical_or".split(), _both),
    **dict.fromkeys(("hardshrink", "softshrink"), _shrunk),
    **dict.fromkeys(("leaky_relu", "prelu"), _leaking),
    "threshold": _over_threshold,
    "pow": _power,
    "square": _square,
    "abs": _absolute,
    "neg": _negative,
    "maximum": lambda ranges, op: _of_ends(max, *ranges.operands(op)),
    "minimum": lambda ranges, op: _of_ends(min, *ranges.operands(op)),
}
