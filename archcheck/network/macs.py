"""Multiply-accumulates of an operation, from shapes alone.

One multiply-accumulate is half of what ``torch.utils.flop_counter`` counts. Biases, elementwise
work, normalisation and pooling count nothing, as in the papers that set budgets.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from archcheck.network import kinds
from archcheck.network.equations import explicit

Shape = Callable[[int], tuple[int, ...]]


def op_macs(
    kind: str, arguments: Mapping[str, Any], shape: Shape, outputs: Sequence[int]
) -> int | None:
    """The multiply-accumulates of one operation over its whole batch.

    Returns None for a kind whose cost is not known, so that it is not mistaken for zero.
    """
    if kind in kinds.FREE:
        return 0
    if not outputs:
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


def _linear(arguments: Mapping[str, Any], shape: Shape, outputs: Sequence[int]) -> int:
    return math.prod(shape(outputs[0])) * _operand(arguments, "input", shape)[-1]


def _matmul(arguments: Mapping[str, Any], shape: Shape, outputs: Sequence[int]) -> int:
    return math.prod(shape(outputs[0])) * _operand(arguments, "input", shape)[-1]


def _added_matmul(arguments: Mapping[str, Any], shape: Shape, outputs: Sequence[int]) -> int:
    left = "mat1" if "mat1" in arguments else "batch1"
    return math.prod(shape(outputs[0])) * _operand(arguments, left, shape)[-1]


def _vector(arguments: Mapping[str, Any], shape: Shape, outputs: Sequence[int]) -> int:
    # Every element of the matrix (or of either vector of two) is used once.
    return math.prod(_operand(arguments, "mat" if "mat" in arguments else "input", shape))


def _tensordot(arguments: Mapping[str, Any], shape: Shape, outputs: Sequence[int]) -> int:
    left, dims = _operand(arguments, "input", shape), arguments.get("dims", 2)
    joined = left[len(left) - dims :] if isinstance(dims, int) else [left[d] for d in dims[0]]
    return math.prod(shape(outputs[0])) * math.prod(joined)


def _bilinear(arguments: Mapping[str, Any], shape: Shape, outputs: Sequence[int]) -> int:
    # Every output feature weighs every pair of input features.
    return math.prod(shape(outputs[0])) * math.prod(_operand(arguments, "weight", shape)[1:])


def _distances(arguments: Mapping[str, Any], shape: Shape, outputs: Sequence[int]) -> int:
    # A square and a sum for every feature of every pair of rows.
    return math.prod(shape(outputs[0])) * _operand(arguments, "x1", shape)[-1]


def _einsum(arguments: Mapping[str, Any], shape: Shape, outputs: Sequence[int]) -> int:
    references = arguments["operands"]
    if len(references) == 1 and isinstance(references[0], list):
        references = references[0]
    operands = [shape(operand["tensor"]) for operand in references]
    if len(operands) < 2:
        return 0
    if len(operands) > 2:
        raise ValueError("contraction order not known")
    terms, _ = explicit(arguments["equation"], [len(operand) for operand in operands])
    sizes: dict[str, int] = {}
    for term, operand in zip(terms, operands, strict=True):
        for letter, size in zip(term, operand, strict=True):
            sizes[letter] = max(size, sizes.get(letter, 1))
    return math.prod(sizes.values())


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
    scores = 2 * queries * key[0] * width
    return projections + scores + queries * width * width


def _recurrent(arguments: Mapping[str, Any], shape: Shape, outputs: Sequence[int]) -> int:
    # Each step multiplies every weight matrix once (a projection's too); biases are vectors.
    steps = math.prod(_operand(arguments, "input", shape)[:-1])
    weights = [shape(weight["tensor"]) for weight in arguments["params"]]
    return steps * sum(math.prod(weight) for weight in weights if len(weight) == 2)


def _cell(arguments: Mapping[str, Any], shape: Shape, outputs: Sequence[int]) -> int:
    rows = math.prod(shape(outputs[0])[:-1])
    return rows * sum(math.prod(_operand(arguments, name, shape)) for name in ("w_ih", "w_hh"))


_COUNTERS: dict[str, Callable[[Mapping[str, Any], Shape, Sequence[int]], int]] = {
    **dict.fromkeys(kinds.CONVOLUTIONS, _convolution),
    **dict.fromkeys(kinds.TRANSPOSED_CONVOLUTIONS, _transposed),
    "linear": _linear,
    "matmul": _matmul,
    "mm": _matmul,
    "bmm": _matmul,
    "addmm": _added_matmul,
    "baddbmm": _added_matmul,
    "einsum": _einsum,
    **dict.fromkeys(("mv", "dot", "addmv"), _vector),
    "tensordot": _tensordot,
    "bilinear": _bilinear,
    "cdist": _distances,
    **dict.fromkeys(kinds.CELLS, _cell),
    "scaled_dot_product_attention": _attention,
    "multi_head_attention_forward": _multi_head,
    "lstm": _recurrent,
    "gru": _recurrent,
    "rnn_tanh": _recurrent,
    "rnn_relu": _recurrent,
}
