"""How the units of a tensor are numbered: factor by factor, or several factors together.

Sets of units are kept as products of sets of numbers. What a window over a dimension of several
factors reads is no product of sets on each of them, nor is what a mask over tokens in rows and
columns leaves open (a diamond, say, or all earlier ones): there the factors are numbered together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
    | {"index_add", "index_put", "scatter", "scatter_add", "scatter_reduce", "put"}
    | {"masked_scatter"}
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
    return Numbering(m, *_apart(m.factors, m.groups))


def in_stretches(m: FieldMap) -> Numbering:
    """The bounded factors of a dimension together, with the lattice factor in front of them."""
    starts = [at for at, _, first in _places(m.groups) if first or m.factors[at].lattice]
    return Numbering(m, *_numbered(m.factors, m.groups, starts))


def as_one(m: FieldMap) -> Numbering:
    """All factors of a dimension together; only the first of them goes on beyond the borders."""
    for factor, _, first in _places(m.groups):
        m = m if first else m.pinned(factor)
    starts = [at for at, _, first in _places(m.groups) if first]
    return Numbering(m, *_numbered(m.factors, m.groups, starts))


def _places(groups: Sequence[int]) -> list[tuple[int, int, bool]]:
    """For every factor its number, its dimension, and whether it is the first one there."""
    pairs = [(d, at) for d, count in enumerate(groups) for at in range(count)]
    return [(factor, d, at == 0) for factor, (d, at) in enumerate(pairs)]


_Layout = tuple[Sizes, tuple[Table, ...], tuple[int, ...]]


@lru_cache(maxsize=1024)
def _apart(factors: tuple[Factor, ...], groups: tuple[int, ...]) -> _Layout:
    return _numbered(factors, groups, range(len(factors)))


def _numbered(
    factors: tuple[Factor, ...], groups: tuple[int, ...], starts: Sequence[int]
) -> _Layout:
    """The sizes, tables and dimensions of the stretches of factors that begin at ``starts``."""
    ends = list(pairwise([*starts, len(factors)]))
    sizes = tuple(tuple(f.size for f in factors[start:end]) for start, end in ends)
    dimensions = [dimension for _, dimension, _ in _places(groups)]
    tables = tuple(_table(factors, start, end) for start, end in ends)
    return sizes, tables, tuple(dimensions[start] for start in starts)


def _table(factors: tuple[Factor, ...], start: int, end: int) -> Table:
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
    return Table(values.reshape(sides), tuple(steps))


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
