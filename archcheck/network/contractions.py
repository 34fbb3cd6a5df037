"""What products of several tensors cost, in the order in which torch multiplies them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from archcheck.network.equations import explicit

Sizes = dict[str, int]
"""The side of an operand along each letter; letters of length one are left out."""


def listed(operands: Sequence[Any]) -> Sequence[Any]:
    """Operands that were given one by one or as a list."""
    return operands[0] if len(operands) == 1 and isinstance(operands[0], list) else operands


def chain_products(shapes: Sequence[tuple[int, ...]]) -> int:
    """The multiply-accumulates of a product of matrices in the cheapest order.

    The first operand may be a row, the last one a column. After Cormen, Leiserson, Rivest and
    Stein, *Introduction to Algorithms*, section 15.2, as ``torch.linalg.multi_dot`` does it.
    """
    sides = [1, *shapes[0]] if len(shapes[0]) == 1 else list(shapes[0])
    sides += [shape[1] if len(shape) == 2 else 1 for shape in shapes[1:]]
    count = len(shapes)
    least = {(i, i): 0 for i in range(count)}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            least[i, j] = min(
                least[i, k] + least[k + 1, j] + sides[i] * sides[k + 1] * sides[j + 1]
                for k in range(i, j)
            )
    return least[0, count - 1]


def einsum_products(
    equation: str, shapes: Sequence[tuple[int, ...]], path: Sequence[int] | None = None
) -> int:
    """The multiply-accumulates of ``torch.einsum``: of the products of matrices that it makes.

    Two operands at a time are contracted, from left to right or in the order of ``path``, which
    has two places for each contraction. What only one of them has is summed before, and what
    contracts nothing is an elementwise product, which costs nothing. After ``einsum`` and
    ``sumproduct_pair`` of ATen.

    Raises:
        ValueError: if the equation does not fit the operands.
    """
    terms, result = explicit(equation, [len(shape) for shape in shapes])
    operands = [_sizes(term, shape) for term, shape in zip(terms, shapes, strict=True)]
    cost = 0
    for step in range(len(operands) - 1):
        first, second = sorted(path[2 * step : 2 * step + 2]) if path else (0, 1)
        right, left = operands.pop(second), operands.pop(first)
        needed = {*result}.union(*operands)
        shared = left.keys() & right.keys()
        alone = {c for c in left.keys() ^ right.keys() if c not in needed}
        summed = {c for c in shared if c not in needed}
        made = {c: size for c, size in (left | right).items() if c not in alone}
        if summed:
            cost += math.prod(made.values())
        product = {c: size for c, size in made.items() if c not in summed}
        operands.insert(len(operands) if path else 0, product)
    return cost


def _sizes(term: str, shape: tuple[int, ...]) -> Sizes:
    return {letter: size for letter, size in zip(term, shape, strict=True) if size != 1}
