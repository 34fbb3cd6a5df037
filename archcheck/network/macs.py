"""Multiply-accumulates of an operation, from shapes alone.

One multiply-accumulate is half of what ``torch.utils.flop_counter`` counts. Biases, elementwise
work, normalisation and pooling count nothing, as in the papers that set budgets.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from archcheck.network import kinds
from archcheck.network.contractions import chain_products, einsum_products, listed

Shape = Callable[[int], tuple[int, ...]]
Counter = Callable[[Mapping[str, Any], Shape, Sequence[int]], int]


def op_macs(
    kind: str, arguments: Mapping[str, Any], shape: Shape, outputs: Sequence[int]
) -> int | None:
    """The multiply-accumulates of one operation over its whole batch.

    Returns None for a kind whose cost is not known, so that it is not mistaken for zero.
    """
    if kind in kinds.FREE or not outputs:
        return 0
    counter = _COUNTERS.get(kind)
    if counter is None:
        return None
    try:
        return counter(arguments, shape, outputs)
    except (KeyError, IndexError, TypeError, ValueError):
        return None  # called in a way that is not understood


def _operand(arguments: Mapping[str, Any], name: str, shape: Shape) -> tuple[int, ...]:
    return shape(arguments[name]["tensor"])


def _convolution(arguments: Mapping[str, Any], shape: Shape, outputs: Sequence[int]) -> int:
    # Every output element takes one weight slice: input channels / groups x kernel.
    weight = _operand(arguments, "weight", shape)
    return math.prod(shape(outputs[0])) * math.prod(weight[1:])


def _transposed(arguments: Mapping[str, Any], shape: Shape, outputs: Sequence[int]) -> int:
    # Every input element is spread through one weight slice: output channels / groups x kernel.
    weight = _operand(arguments, "weight", shape)
    return math.prod(_operand(arguments, "input", shape)) * math.prod(weight[1:])


def _product(left: str) -> Counter:
    """Every output element takes one row of the left operand."""

    def count(arguments: Mapping[str, Any], shape: Shape, outputs: Sequence[int]) -> int:
        return math.prod(shape(outputs[0])) * _operand(arguments, left, shape)[-1]

    return count


def _vector(arguments: Mapping[str, Any], shape: Shape, outputs: Sequence[int]) -> int:
    # Every element of the matrix (or of either vector of two) is used once.
    return math.prod(_operand(arguments, "mat" if "mat" in arguments else "input", shape))


def _summed_batch(arguments: Mapping[str, Any], shape: Shape, outputs: Sequence[int]) -> int:
    batch, _, inner = _operand(arguments, "batch1", shape)
    return batch * inner * math.prod(shape(outputs[0]))


def _inner(arguments: Mapping[str, Any], shape: Shape, outputs: Sequence[int]) -> int:
    left, right = _operand(arguments, "input", shape), _operand(arguments, "other", shape)
    return math.prod(shape(outputs[0])) * left[-1] if left and right else 0


def _vector_pairs(arguments: Mapping[str, Any], shape: Shape, outputs: Sequence[int]) -> int:
    # One product for every pair of vectors along the dimension.
    joined: int = arguments.get("dim", -1)
    return math.prod(shape(outputs[0])) * _operand(arguments, "x", shape)[joined]


def _chain(arguments: Mapping[str, Any], shape: Shape, outputs: Sequence[int]) -> int:
    return chain_products([shape(matrix["tensor"]) for matrix in listed(arguments["tensors"])])


def _matrix_power(arguments: Mapping[str, Any], shape: Shape, outputs: Sequence[int]) -> int:
    # Squarings and products of binary powering; a negative power inverts first.
    exponent: int = arguments["n"]
    if exponent < 0:
        raise ValueError("the cost of an inverse is not known")
    products = max(exponent.bit_length() - 1 + exponent.bit_count() - 1, 0)
    return products * math.prod(shape(outputs[0])) * shape(outputs[0])[-1]


def _grouped(arguments: Mapping[str, Any], shape: Shape, outputs: Sequence[int]) -> int:
    # Each row of the left operand meets one matrix of the right one; two matrices are cut along
    # what they join, so that each group of the result takes a part of it.
    left, right = (_operand(arguments, name, shape) for name in ("mat_a", "mat_b"))
    result = shape(outputs[0])
    apart = len(left) == len(right) == 2
    return math.prod(result[1:] if apart else result) * left[-1]


def _tensordot(arguments: Mapping[str, Any], shape: Shape, outputs: Sequence[int]) -> int:
    left, right = (_operand(arguments, name, shape) for name in ("input", "other"))
    dims = arguments.get("dims", 2)
    if isinstance(dims, int):
        pairs = list(zip(left[len(left) - dims :], right[:dims], strict=True))
    else:
        pairs = [(left[a], right[b]) for a, b in zip(*dims, strict=True)]
    # Where one operand is of length one the other is summed first.
    return math.prod(shape(outputs[0])) * math.prod([min(pair) for pair in pairs])


def _bilinear(arguments: Mapping[str, Any], shape: Shape, outputs: Sequence[int]) -> int:
    # Every output feature weighs every pair of input features.
    return math.prod(shape(outputs[0])) * math.prod(_operand(arguments, "weight", shape)[1:])


def _distances(arguments: Mapping[str, Any], shape: Shape, outputs: Sequence[int]) -> int:
    # A square and a sum for every feature of every pair of rows.
    return math.prod(shape(outputs[0])) * _operand(arguments, "x1", shape)[-1]


def _einsum(arguments: Mapping[str, Any], shape: Shape, outputs: Sequence[int]) -> int:
    operands = [shape(operand["tensor"]) for operand in listed(arguments["operands"])]
    return einsum_products(arguments["equation"], operands, arguments.get("path"))


def _attention(arguments: Mapping[str, Any], shape: Shape, outputs: Sequence[int]) -> int:
    # Scores: queries x keys x width; values: queries x keys x value width. A mask saves nothing:
    # the pairs that it closes are counted, as torch's own counter does.
    query = _operand(arguments, "query", shape)
    key = _operand(arguments, "key", shape)
    value = _operand(arguments, "value", shape)
    return math.prod(query[:-1]) * key[-2] * (query[-1] + value[-1])


def _multi_head(arguments: Mapping[str, Any], shape: Shape, outputs: Sequence[int]) -> int:
    query = _operand(arguments, "query", shape)
    key = _operand(arguments, "key", shape)
    value = _operand(arguments, "value", shape)
    width = query[-1]
    batch = query[1] if len(query) == 3 else 1
    queries, keys = query[0] * batch, key[0] * batch
    projections = queries * width * width + keys * key[-1] * width + keys * value[-1] * width
    added = (arguments.get("bias_k") is not None) + bool(arguments.get("add_zero_attn"))
    scores = 2 * queries * (key[0] + added) * width
    return projections + scores + queries * width * width


def _recurrent(arguments: Mapping[str, Any], shape: Shape, outputs: Sequence[int]) -> int:
    # Each step multiplies every weight matrix once (a projection's too); biases are vectors.
    steps = math.prod(_operand(arguments, "input", shape)[:-1])
    weights = [shape(weight["tensor"]) for weight in arguments["params"]]
    return steps * sum(math.prod(weight) for weight in weights if len(weight) == 2)


def _cell(arguments: Mapping[str, Any], shape: Shape, outputs: Sequence[int]) -> int:
    rows = math.prod(shape(outputs[0])[:-1])
    return rows * sum(math.prod(_operand(arguments, name, shape)) for name in ("w_ih", "w_hh"))


_COUNTERS: dict[str, Counter] = {
    **dict.fromkeys(kinds.CONVOLUTIONS, _convolution),
    **dict.fromkeys(kinds.TRANSPOSED_CONVOLUTIONS, _transposed),
    "deform_conv2d": _convolution,
    **dict.fromkeys(("linear", "matmul", "mm", "bmm"), _product("input")),
    "addmm": _product("mat1"),
    "baddbmm": _product("batch1"),
    "addbmm": _summed_batch,
    "einsum": _einsum,
    **dict.fromkeys(("mv", "dot", "vdot", "addmv"), _vector),
    "vecdot": _vector_pairs,
    "inner": _inner,
    "multi_dot": _chain,
    "matrix_power": _matrix_power,
    "_grouped_mm": _grouped,
    "tensordot": _tensordot,
    "bilinear": _bilinear,
    "cdist": _distances,
    **dict.fromkeys(kinds.CELLS, _cell),
    "scaled_dot_product_attention": _attention,
    "multi_head_attention_forward": _multi_head,
    **dict.fromkeys(kinds.RECURRENT, _recurrent),
}
