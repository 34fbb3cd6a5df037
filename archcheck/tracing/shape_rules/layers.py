"""Normalisation, linear layers, matrix products and softmax."""

from __future__ import annotations

from typing import Any

import torch

from archcheck.tracing.shape_rules.base import (
    REAL_TYPES,
    Call,
    FallBack,
    axis,
    blank,
    broadcast,
    elements,
    plain,
    remembered,
    require,
    shape_rule,
)


def _each_of_shape(shape: tuple[int, ...], *tensors: torch.Tensor | None) -> None:
    for tensor in tensors:
        require(tensor is None or tensor.shape == shape)


@shape_rule("batch_norm")
@remembered
def batch_norm(call: Call) -> Any:
    """The shape of the input. Running statistics are not updated."""
    x, mean, variance, weight, bias, training, momentum, eps = call.take(
        "input",
        "running_mean",
        "running_var",
        weight=None,
        bias=None,
        training=False,
        momentum=0.1,
        eps=1e-5,
    )
    plain(x, mean, variance, weight, bias)
    require(
        x.dim() >= 2,
        type(training) is bool,
        type(momentum) is float,
        type(eps) is float and eps > 0,
        (mean is None) == (variance is None),
        training or mean is not None,
    )
    channels = x.shape[1]
    _each_of_shape((channels,), mean, variance, weight, bias)
    require(not training or x.numel() > channels)
    return blank(x, x.shape)


@shape_rule("layer_norm")
@remembered
def layer_norm(call: Call) -> Any:
    """The shape of the input."""
    x, normalized, weight, bias, eps = call.take(
        "input", "normalized_shape", weight=None, bias=None, eps=1e-5
    )
    plain(x, weight, bias)
    require(isinstance(normalized, (tuple, list)), type(eps) is float)
    last = tuple(normalized)
    require(len(last) > 0, tuple(x.shape[-len(last) :]) == last)
    _each_of_shape(last, weight, bias)
    return blank(x, x.shape)


@shape_rule("group_norm")
@remembered
def group_norm(call: Call) -> Any:
    """The shape of the input."""
    x, groups, weight, bias, eps = call.take(
        "input", "num_groups", weight=None, bias=None, eps=1e-5
    )
    plain(x, weight, bias)
    require(x.dim() >= 2, type(groups) is int and groups > 0, type(eps) is float)
    channels = x.shape[1]
    require(channels % groups == 0, x.numel() > x.shape[0] * groups)
    _each_of_shape((channels,), weight, bias)
    return blank(x, x.shape)


@shape_rule("linear")
@remembered
def linear(call: Call) -> Any:
    """The last dimension becomes the layer's outputs."""
    x, weight, bias = call.take("input", "weight", bias=None)
    plain(x, weight, bias)
    require(x.dim() >= 1, weight.dim() == 2, x.shape[-1] == weight.shape[1])
    _each_of_shape((weight.shape[0],), bias)
    return blank(x, (*x.shape[:-1], weight.shape[0]))


@shape_rule("matmul", "bmm")
def matmul(call: Call) -> Any:
    """Rows of the first, columns of the second; the leading dimensions broadcast."""
    names = ("input", "other" if call.kind == "matmul" else "mat2")
    x, y = call.take(*names)
    for tensor in (x, y):
        require(
            type(tensor) in (torch.Tensor, torch.nn.Parameter),
            tensor.dtype in REAL_TYPES and tensor.dtype is x.dtype,
            tensor.layout is torch.strided,
            tensor.device.type == "cpu",
            tensor.numel() > 0,
        )
    ranks = (x.dim(), y.dim())
    batches = min(ranks) >= 3 and (call.kind == "matmul" or ranks == (3, 3))
    if not batches:
        require(call.kind == "matmul", ranks[0] >= 2, ranks[1] == 2)
        plain(x)
    require(x.shape[-1] == y.shape[-2])
    front = broadcast([x.shape[:-2], y.shape[:-2]])
    require(call.kind == "matmul" or x.shape[0] == y.shape[0])
    return blank(x, (*front, x.shape[-2], y.shape[-1]))


@shape_rule("softmax", "log_softmax")
def softmax(call: Call) -> Any:
    """The shape of the input."""
    bound = dict(call.bound)
    bound.pop("_stacklevel", None)
    if set(bound) - {"input", "dim"} or "dim" not in bound:
        raise FallBack
    x = bound["input"]
    plain(x)
    axis(bound["dim"], x.dim())
    return blank(x, x.shape)


@shape_rule("mean", "sum", "amax", "amin")
def reduction(call: Call) -> Any:
    """The reduced dimensions are dropped, or kept with length one."""
    x, dims, keepdim = call.take("input", dim=None, keepdim=False)
    plain(x)
    require(type(keepdim) is bool)
    rank = x.dim()
    if dims is None or dims in ((), []):
        require(dims is None and not keepdim and "dim" not in call.bound)
        return blank(x, ())
    items = dims if isinstance(dims, (tuple, list)) else (dims,)
    reduced = [axis(item, rank) for item in items]
    require(rank > 0, len(set(reduced)) == len(reduced))
    shape = [
        1 if place in reduced else size
        for place, size in enumerate(x.shape)
        if keepdim or place not in reduced
    ]
    return blank(x, shape)


@shape_rule("cat", "stack")
def joined(call: Call) -> Any:
    """Tensors concatenated along a dimension, or stacked along a new one."""
    tensors, dim = call.take("tensors", dim=0)
    require(isinstance(tensors, (tuple, list)), len(tensors) > 0)
    require(all(isinstance(tensor, torch.Tensor) for tensor in tensors))
    plain(*tensors)
    first = tensors[0]
    rank = first.dim()
    if call.kind == "stack":
        place = axis(dim, rank + 1)
        require(all(tensor.shape == first.shape for tensor in tensors))
        return blank(first, (*first.shape[:place], len(tensors), *first.shape[place:]))
    place = axis(dim, rank)
    shape = list(first.shape)
    shape[place] = sum(tensor.shape[place] if tensor.dim() == rank else 0 for tensor in tensors)
    for tensor in tensors:
        others = list(tensor.shape)
        require(len(others) == rank)
        others[place] = shape[place]
        require(others == shape)
    return blank(first, shape)


@shape_rule("repeat", "tile")
def repeat(call: Call) -> Any:
    """Every dimension is multiplied by its number of repeats."""
    name = "repeats" if call.kind == "repeat" else "dims"
    x, times = call.take("input", name)
    plain(x)
    require(isinstance(times, (tuple, list)), len(times) == x.dim())
    require(all(type(count) is int and count > 0 for count in times))
    shape = [size * count for size, count in zip(x.shape, times, strict=True)]
    require(elements(shape) > 0)
    return blank(x, shape)


@shape_rule("roll", "flip")
def moved(call: Call) -> Any:
    """The shape of the input."""
    if call.kind == "roll":
        x, shifts, dims = call.take("input", "shifts", dims=None)
        shifts = list(shifts) if isinstance(shifts, (tuple, list)) else [shifts]
        require(all(type(shift) is int for shift in shifts), dims is not None)
        dims = dims if isinstance(dims, (tuple, list)) else [dims]
        require(len(dims) == len(shifts))
    else:
        x, dims = call.take("input", "dims")
        dims = dims if isinstance(dims, (tuple, list)) else [dims]
    plain(x)
    axes = [axis(dim, x.dim()) for dim in dims]
    require(len(set(axes)) == len(axes))
    return blank(x, x.shape)
