"""What shape rules are made of: the call, the table of rules, blank results.

A rule returns a tensor of the shape, type and strides that the real function would give. Its
memory is never written: the system does not even provide memory that is never touched.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

import torch

from archcheck.tracing.arguments import bind
from archcheck.tracing.shape_rules.layout import canonical_strides

REAL_TYPES = frozenset({torch.float32, torch.float64})
"""The types that rules cover; kernels for others may be missing or behave differently."""


class FallBack(Exception):
    """A rule does not cover this call: the real function has to run."""


class NeedsValues(BaseException):
    """What the network does depends on values: only a real forward pass will do.

    Not an ``Exception``, so that the network's own handlers let it through.
    """


class Call:
    """One call of a torch function, its arguments by name.

    ``inputs`` are the tensors among them, ``driven`` those that depend on the network's input.
    A rule sets ``drew`` if it skips the drawing of random numbers.
    """

    __slots__ = (
        "_bound",
        "args",
        "drew",
        "driven",
        "func",
        "function",
        "in_place",
        "inputs",
        "kind",
        "kwargs",
    )

    def __init__(
        self,
        func: Callable[..., Any],
        function: str,
        kind: str,
        in_place: bool,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        inputs: list[torch.Tensor],
        driven: list[torch.Tensor],
    ) -> None:
        self.func = func
        self.function = function
        self.kind = kind
        self.in_place = in_place
        self.args = args
        self.kwargs = kwargs
        self.inputs = inputs
        self.driven = driven
        self.drew = False
        self._bound: dict[str, Any] | None = None

    @property
    def bound(self) -> dict[str, Any]:
        """The arguments by name."""
        if self._bound is None:
            self._bound = bind(self.kind, self.func, self.args, self.kwargs)
        return self._bound

    def run(self) -> Any:
        """Run the torch function itself."""
        return self.func(*self.args, **self.kwargs)

    def take(self, *names: str, **defaults: Any) -> list[Any]:
        """The values of the named arguments, then of those with defaults.

        Raises:
            FallBack: if one is missing, or the call has further arguments.
        """
        bound = self.bound
        values = [bound[name] for name in names if name in bound]
        if len(values) < len(names):
            raise FallBack
        used = len(names)
        for name, default in defaults.items():
            if name in bound:
                used += 1
                values.append(bound[name])
            else:
                values.append(default)
        if used != len(bound):
            raise FallBack
        return values


Rule = Callable[[Call], Any]
RULES: dict[str, Rule] = {}


def shape_rule(*kinds: str) -> Callable[[Rule], Rule]:
    """Register a rule for some kinds of operation."""

    def register(rule: Rule) -> Rule:
        for kind in kinds:
            RULES[kind] = rule
        return rule

    return register


def remembered(rule: Rule) -> Rule:
    """A rule whose blank result follows from the arguments' shapes: each is computed once.

    Networks repeat themselves: most of their layers are called like an earlier one.
    """
    results: dict[Hashable, tuple[torch.Size, torch.dtype]] = {}

    def remembering(call: Call) -> Any:
        key = _signature(call)
        remembered_result = results.get(key) if key else None
        if remembered_result is not None:
            return torch.empty(remembered_result[0], dtype=remembered_result[1], device="cpu")
        result = rule(call)
        if key and len(results) < MOST_REMEMBERED:
            results[key] = (result.shape, result.dtype)
        return result

    return remembering


def _signature(call: Call) -> tuple[Hashable, ...]:
    """All that a rule may depend on in the arguments; empty if one is unusual."""
    parts: list[Any] = [call.func, len(call.args), *call.kwargs]
    for value in (*call.args, *call.kwargs.values()):
        kind = type(value)
        if kind is torch.Tensor or kind is torch.nn.Parameter:
            if value.layout is not torch.strided or not value.is_cpu:
                return ()
            parts += (value.shape, value.stride(), value.dtype)
        elif kind is tuple:
            if not _WHOLE.issuperset(map(type, value)):
                return ()
            parts.append(value)
        elif kind in _SIMPLE:
            parts += (kind, value)  # for 1, 1.0 and True are equal
        else:
            return ()
    return tuple(parts)


_WHOLE = frozenset({int})
_SIMPLE = frozenset({int, float, bool, str, type(None)})
MOST_REMEMBERED = 1 << 14
"""The most signatures whose result is kept for each rule."""


def blank(like: torch.Tensor, shape: Sequence[int], dtype: torch.dtype | None = None) -> Any:
    """A contiguous result whose memory is not written, of the type of ``like`` or of ``dtype``."""
    return torch.empty(shape, dtype=dtype or like.dtype, device="cpu")


def plain(*tensors: torch.Tensor | None) -> None:
    """Check that tensors are plain: real numbers, contiguous, not empty, of one type.

    Raises:
        FallBack: if one is not.
    """
    dtype = None
    for tensor in tensors:
        if tensor is None:
            continue
        kind, shape = type(tensor), tensor.shape
        if dtype is None:
            dtype = tensor.dtype
            if dtype not in REAL_TYPES:
                raise FallBack
        if (
            (kind is not torch.nn.Parameter and kind is not torch.Tensor)
            or tensor.dtype is not dtype
            or not tensor.is_cpu
            or 0 in shape
            or tensor.stride() != canonical_strides(shape)  # a sparse one raises
        ):
            raise FallBack


def require(*conditions: bool) -> None:
    """Check that all conditions hold.

    Raises:
        FallBack: if one does not.
    """
    if not all(conditions):
        raise FallBack


def whole(value: Any, axes: int, least: int) -> tuple[int, ...]:
    """A whole number of at least ``least`` for every axis, from one for all or one for each.

    Raises:
        FallBack: if it is neither.
    """
    items = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    if len(items) == 1:
        items *= axes
    require(len(items) == axes, all(type(item) is int and item >= least for item in items))
    return items


def axis(value: Any, rank: int) -> int:
    """A dimension counted from the front.

    Raises:
        FallBack: if there is no such dimension.
    """
    require(type(value) is int and -rank <= value < rank)
    return int(value % rank)


def broadcast(shapes: Iterable[Sequence[int]]) -> tuple[int, ...]:
    """The shape that several shapes broadcast to.

    Raises:
        FallBack: if they do not.
    """
    result: list[int] = []
    for shape in shapes:
        if len(shape) > len(result):
            result = [1] * (len(shape) - len(result)) + result
        offset = len(result) - len(shape)
        for place, size in enumerate(shape, offset):
            if size != 1:
                require(result[place] in (1, size))
                result[place] = size
    return tuple(result)


def elements(shape: Sequence[int]) -> int:
    """How many elements a tensor of a shape has."""
    return math.prod(shape)
