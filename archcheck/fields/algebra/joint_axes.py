"""How the units of a tensor are numbered: factor by factor, or several factors together.

Sets of units are kept as products of sets of numbers. What a window over a dimension of several
factors reads is no product of sets on each of them, nor is what a mask over tokens in rows and
columns leaves open (a diamond, say, or all earlier ones): there the factors are numbered together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import pairwise
from math import prod
from typing import NamedTuple

import numpy as np

from archcheck.fields.algebra.field_map import FieldMap
from archcheck.fields.algebra.positions import EMPTY, Positions
from archcheck.fields.algebra.region import Box, canonical
from archcheck.fields.algebra.table import Factor, Table
from archcheck.network import Op, kinds

Sizes = tuple[tuple[int, ...], ...]
"""For every table the sizes of the factors whose units it numbers."""
JOINING_MASKED = frozenset(
    "matmul mm bmm addmm baddbmm einsum softmax log_softmax softmin gumbel_softmax sum mean "
    "scaled_dot_product_attention multi_head_attention_forward".split()
)
"""The kinds that join what a mask leaves open, which may be any set."""
JOINING_ROWS = (
    kinds.SCANS
    | kinds.RECURRENT
    | {"index_add", "index_put", "scatter", "scatter_add", "scatter_reduce"}
)
"""The kinds that join all earlier units, or those of an index, without a mask."""


class Numbering(NamedTuple):
    """A map whose units are numbered by tables, each over a stretch of one dimension's factors."""

    map: FieldMap
    sizes: Sizes
    tables: tuple[Table, ...]
    dimensions: tuple[int, ...]
    """For every table the dimension that its factors are of."""


def apart(m: FieldMap) -> Numbering:
    """Every factor numbered on its own."""
    return _numbered(m, lambda factor: True)


def in_stretches(m: FieldMap) -> Numbering:
    """The bounded factors of a dimension together, with the lattice factor in front of them."""
    return _numbered(m, lambda factor: m.factors[factor].lattice)


def as_one(m: FieldMap) -> Numbering:
    """All factors of a dimension together; only the first of them goes on beyond the borders."""
    for dimension in range(len(m.groups)):
        for factor in range(len(m.factors))[m.span(dimension)][1:]:
            m = m.pinned(factor)
    return _numbered(m, lambda factor: False)


def _numbered(m: FieldMap, begins: Callable[[int], bool]) -> Numbering:
    """Numbered in stretches: one begins at a dimension's first factor and where ``begins`` says."""
    starts, dimensions = [], []
    for dimension in range(len(m.groups)):
        span = m.span(dimension)
        for factor in range(span.start, span.stop):
            if factor == span.start or begins(factor):
                starts.append(factor)
                dimensions.append(dimension)
    tables = _tables(m.factors, tuple(starts))
    ends = pairwise([*starts, len(m.factors)])
    sizes = tuple(tuple(f.size for f in m.factors[start:end]) for start, end in ends)
    return Numbering(m, sizes, tables, tuple(dimensions))


@lru_cache(maxsize=1024)
def _tables(factors: tuple[Factor, ...], starts: tuple[int, ...]) -> tuple[Table, ...]:
    tables = []
    for start, end in pairwise([*starts, len(factors)]):
        inner = [factor.size for factor in factors[start + 1 : end]]
        lattice = factors[start].lattice
        first = 1 if lattice else factors[start].size
        values = np.empty(first * prod(inner), dtype=object)
        for index in range(len(values)):
            values[index] = Positions(index, 1)
        sides = [1] * len(factors)
        sides[start:end] = [first, *inner]
        steps = [0] * len(factors)
        steps[start] = prod(inner) if lattice else 0
        tables.append(Table(values.reshape(sides), tuple(steps)))
    return tuple(tables)


def is_joint(op: Op, operands: Iterable[FieldMap]) -> bool:
    """Whether an operation may join any set of units, such as a mask leaves open."""
    if op.kind not in JOINING_MASKED:
        return op.kind in JOINING_ROWS
    masks = (op.arguments.get(name) for name in ("attn_mask", "key_padding_mask", "is_causal"))
    return any(masks) or any(m.cut is not None for m in operands)


def digits(numbers: Positions, sizes: tuple[int, ...]) -> tuple[Box, ...]:
    """Numbers of units of several factors as boxes over these, the last factor running fastest."""
    if len(sizes) == 1:
        return ((numbers,),)
    inner = prod(sizes[1:])
    rows: dict[int, Positions] = {}
    for number in numbers.members():
        outer, rest = divmod(number, inner)
        rows[outer] = rows.get(outer, EMPTY) | Positions(rest, 1)
    return canonical(
        (Positions(outer, 1), *rest)
        for outer, within in rows.items()
        for rest in digits(within, sizes[1:])
    )
