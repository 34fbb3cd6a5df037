"""Operations that keep every element at its place."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import torch

from archcheck.tracing.shape_rules.base import (
    Call,
    FallBack,
    NeedsValues,
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

UNARY = """relu relu6 leaky_relu elu selu celu gelu silu mish softplus softsign hardswish
hardsigmoid hardtanh hardshrink softshrink tanhshrink threshold sigmoid logsigmoid tanh neg exp log
log2 log1p sqrt rsqrt square abs sign floor ceil round reciprocal sin cos erf nan_to_num logical_not
bitwise_not isnan isinf clone""".split()
SEVERAL = """add sub mul div pow clamp clamp_min clamp_max maximum minimum where addcmul addcdiv
lerp gt lt ge le eq ne logical_and logical_or bitwise_and bitwise_or masked_fill floor_divide
remainder""".split()
_ITERATED = frozenset(
    """relu silu gelu sigmoid tanh neg exp sqrt rsqrt abs hardswish hardsigmoid leaky_relu elu sin
    cos erf add sub mul div maximum minimum gt lt ge le eq ne""".split()
)
"""The operations whose result is laid out by the operands' strides whatever these are."""
_DIVIDING = frozenset({"remainder", "floor_divide", "div", "pow"})
_SCALARS = (bool, int, float, str, type(None))

_probed: dict[Hashable, torch.dtype] = {}


@shape_rule(*UNARY)
def unary(call: Call) -> Any:
    """One tensor and numbers."""
    if len(call.driven) != 1 or call.driven[0] is not call.inputs[0]:
        raise NeedsValues  # a number that is given as a tensor
    return pointwise(call)


@shape_rule(*SEVERAL)
def pointwise(call: Call) -> Any:
    """Tensors that broadcast, and numbers. What type comes out is asked of torch, on one element.

    So is whether the other arguments are any good.
    """
    tensors = call.inputs
    for tensor in tensors:
        require(
            type(tensor) in (torch.Tensor, torch.nn.Parameter),
            tensor.layout is torch.strided,
            tensor.device.type == "cpu",
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
    # Reflected operators hand some of their operands on in the other order.
    require(call.kind in _ITERATED, ".__r" not in call.function or len(tensors) == 1)
    operands = tuple((tuple(t.shape), t.stride()) for t in tensors)
    strides = pointwise_strides(shape, operands)
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
    """The type of the result, and whether torch takes the call at all.

    Raises:
        FallBack: if it does not, or an argument is nothing simple.
    """
    key = (call.func, *_key(call.args), *call.kwargs, *_key(call.kwargs.values()))
    found = _probed.get(key)
    if found is None:
        try:
            result = call.func(
                *map(_one, call.args), **{name: _one(v) for name, v in call.kwargs.items()}
            )
        except Exception:
            raise FallBack from None
        require(type(result) is torch.Tensor)
        found = _probed[key] = result.dtype
    return found


def _key(values: Any) -> list[Hashable]:
    found: list[Hashable] = []
    for value in values:
        if isinstance(value, torch.Tensor):
            found.append((value.dtype, value.dim()))
        elif type(value) in _SCALARS:
            found.append((type(value), value))
        else:
            raise FallBack
    return found


def _one(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return torch.ones((1,) * value.dim(), dtype=value.dtype)
    return value


@shape_rule(
    "dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"
)
def dropout(call: Call) -> Any:
    """Nothing happens outside of training; in training, numbers are drawn that nobody sees."""
    x, p, training, inplace = call.take("input", p=0.5, training=True, inplace=False)
    require(type(p) in (int, float), type(training) is bool, type(inplace) is bool)
    if not training or p == 0:
        return call.run()
    plain(x)
    require(0 < p < 1, call.kind == "dropout", not call.in_place)
    return x if inplace else blank(x, x.shape)
