"""Elementwise operations."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import torch

from archcheck.network import kinds
from archcheck.tracing.shape_rules.base import (
    Call,
    FallBack,
    NeedsValues,
    axis,
    blank,
    broadcast,
    plain,
    require,
    shape_rule,
)
from archcheck.tracing.shape_rules.layout import (
    canonical_strides,
    overlaps_itself,
    pointwise_strides,
)
from archcheck.tracing.tensor_ids import storage_of

_OF_THEIR_OWN = frozenset(
    "prelu rrelu bernoulli bucketize isin real imag conj resolve_conj positive".split()
)
"""The elementwise kinds that have other rules."""
_ITERATED = frozenset(
    """relu silu gelu sigmoid tanh neg exp sqrt rsqrt abs hardswish hardsigmoid leaky_relu elu sin
    cos erf add sub mul div maximum minimum gt lt ge le eq ne""".split()
)
"""The operations whose result follows the operands' strides, whatever these are."""
_DIVIDING = frozenset({"remainder", "floor_divide", "fmod", "div", "pow"})
_SCALARS = (bool, int, float, str, type(None))

_probed: dict[Hashable, torch.dtype] = {}


@shape_rule(*(kinds.ELEMENTWISE - _OF_THEIR_OWN), "clone")
def pointwise(call: Call) -> Any:
    """Tensors that broadcast, and numbers.

    Torch itself, run on one element, gives the type of the result and checks the other arguments.
    """
    if call.kind not in kinds.BROADCASTING and (
        len(call.driven) != 1 or call.driven[0] is not call.inputs[0]
    ):
        raise NeedsValues  # a number that is given as a tensor
    tensors = call.inputs
    for tensor in tensors:
        require(
            type(tensor) in (torch.Tensor, torch.nn.Parameter),
            tensor.layout is torch.strided,
            tensor.is_cpu,
            tensor.numel() > 0,
            not tensor.is_complex(),
        )
    if call.kind in _DIVIDING and not any(tensor.is_floating_point() for tensor in tensors):
        raise NeedsValues  # whole numbers cannot be divided by zero
    if call.kind == "where" and len(tensors) < 2 and len(call.args) + len(call.kwargs) < 3:
        raise NeedsValues  # where(condition) counts what is true
    dtype = _probe(call)
    written = call.in_place or call.bound.get("inplace") is True
    if len(tensors) == 1:
        shape = tuple(tensors[0].shape)
    else:
        shape = broadcast([tensor.shape for tensor in tensors])
    if written:
        return _written(call, shape)
    if all(tuple(t.shape) == shape and t.stride() == canonical_strides(shape) for t in tensors):
        return blank(tensors[0], shape, dtype)
    # Reflected operators swap some of their operands.
    require(call.kind in _ITERATED, ".__r" not in call.function or len(tensors) == 1)
    # An operand that is converted first may get another layout.
    first = tensors[0].dtype
    require(first.is_floating_point, all(tensor.dtype is first for tensor in tensors))
    operands = [(tuple(t.shape), t.stride()) for t in tensors]
    if call.kind in kinds.BROADCASTING and len(tensors) == 1:
        operands.append(((), ()))  # torch makes a tensor of a number
    strides = pointwise_strides(shape, tuple(operands))
    return torch.empty_strided(shape, strides, dtype=dtype, device=tensors[0].device)


def _written(call: Call, shape: tuple[int, ...]) -> torch.Tensor:
    target = call.inputs[0]
    require(
        target is call.args[0] if call.args else False,
        tuple(target.shape) == shape,
        not overlaps_itself(target.shape, target.stride()),
        not any(_same_memory(target, other) for other in call.inputs[1:]),
    )
    return target


def _same_memory(one: torch.Tensor, other: torch.Tensor) -> bool:
    if other is one:
        return False
    return storage_of(one) == storage_of(other)


def _probe(call: Call) -> torch.dtype:
    """The type of the result, by running the call on one element.

    Raises:
        FallBack: if torch rejects the call, or an argument is not a tensor or a simple value.
    """
    key = (call.func, *_key(call.args), *call.kwargs, *_key(call.kwargs.values()))
    dtype = _probed.get(key)
    if dtype is None:
        try:
            result = call.func(
                *map(_one, call.args), **{name: _one(v) for name, v in call.kwargs.items()}
            )
        except Exception:
            raise FallBack from None
        require(type(result) is torch.Tensor)
        dtype = _probed[key] = result.dtype
    return dtype


def _key(values: Any) -> list[Hashable]:
    key: list[Hashable] = []
    for value in values:
        if isinstance(value, torch.Tensor):
            key.append((value.dtype, value.dim()))
        elif type(value) in _SCALARS:
            key.append((type(value), value))
        else:
            raise FallBack
    return key


def _one(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return torch.ones((1,) * value.dim(), dtype=value.dtype)
    return value


@shape_rule("prelu")
def prelu(call: Call) -> Any:
    """The shape of the input; there is one slope, or one for every channel."""
    x, weight = call.take("input", "weight")
    plain(x, weight)
    require(weight.dim() <= 1, weight.numel() in (1, x.shape[1] if x.dim() > 1 else 1))
    return blank(x, x.shape)


# -- operations that draw random numbers, which are left out ---------------------------------------


@shape_rule(*kinds.DROPOUTS)
def dropout(call: Call) -> Any:
    """The shape of the input; outside of training torch runs itself."""
    x, p, training, inplace = call.take("input", p=0.5, training=True, inplace=False)
    require(type(p) in (int, float), type(training) is bool, type(inplace) is bool)
    if not training or p == 0:
        return call.run()
    require(0 < p < 1, call.kind == "dropout", not call.in_place)
    return _drawn(call, x, inplace)


@shape_rule("rrelu")
def rrelu(call: Call) -> Any:
    """The shape of the input; in training the slopes are random."""
    x, low, high, training, inplace = call.take(
        "input", lower=1 / 8, upper=1 / 3, training=False, inplace=False
    )
    if training is False:
        return pointwise(call)
    require(type(low) in (int, float), type(high) in (int, float), 0 <= low <= high <= 1)
    return _drawn(call, x, inplace or call.in_place)


@shape_rule("bernoulli")
def bernoulli(call: Call) -> Any:
    """The shape of the input.

    Raises:
        NeedsValues: if the probability is not one valid number.
    """
    p: Any = call.bound.get("p", 0.5 if call.in_place else None)
    if type(p) not in (int, float) or not 0 <= p <= 1:
        raise NeedsValues
    x, _ = call.take("input", p=p)
    return _drawn(call, x, call.in_place)


@shape_rule("gumbel_softmax")
def gumbel_softmax(call: Call) -> Any:
    """The shape of the input."""
    x, tau, hard, _, dim = call.take("input", tau=1, hard=False, eps=1e-10, dim=-1)
    require(type(tau) in (int, float), type(hard) is bool)
    axis(dim, x.dim())
    return _drawn(call, x, False)


def _drawn(call: Call, x: torch.Tensor, in_place: bool) -> torch.Tensor:
    plain(x)
    call.drew = True
    result: torch.Tensor = x if in_place else blank(x, x.shape)
    return result
