"""Several factors of an index that share one table, where sets of units are not products.

A mask over tokens in rows and columns may leave any set of them open: a diamond, say, or all
earlier ones. Rows and columns kept separately would make a rectangle of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from itertools import product
from math import prod

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
SLIDING = kinds.CONVOLUTIONS | kinds.TRANSPOSED_CONVOLUTIONS | kinds.POOLS | {"interpolate"}
JOINING_ROWS = (
    kinds.SCANS
    | kinds.RECURRENT
    | {"index_add", "index_put", "scatter", "scatter_add", "scatter_reduce"}
)
"""The kinds that join all earlier units, or those of an index, without a mask."""


@lru_cache(maxsize=1024)
def identity(factors: tuple[Factor, ...]) -> tuple[Table, ...]:
    """For every factor the table that numbers its indices."""
    tables = []
    for at, factor in enumerate(factors):
        values = np.empty(1 if factor.lattice else factor.size, dtype=object)
        for index in range(len(values)):
            values[index] = Positions(index, 1)
        sides = [1] * len(factors)
        sides[at] = len(values)
        steps = [0] * len(factors)
        steps[at] = int(factor.lattice)
        tables.append(Table(values.reshape(sides), tuple(steps)))
    return tuple(tables)


def is_joint(op: Op, operands: Iterable[FieldMap]) -> bool:
    """Whether an operation may join any set of units, such as a mask leaves open."""
    if op.kind not in JOINING_MASKED:
        return op.kind in JOINING_ROWS or op.kind in SLIDING
    masks = (op.arguments.get(name) for name in ("attn_mask", "key_padding_mask", "is_causal"))
    return any(masks) or any(m.cut is not None for m in operands)


def joint_dimensions(op: Op, m: FieldMap) -> list[int]:
    """The dimensions of several factors along which an operation may join any set of units.

    A window that slides over rows of tokens, one behind the other, reads the beginning of the
    next row at the end of one.
    """
    several = [d for d, number in enumerate(m.groups) if number > 1]
    if op.kind in SLIDING:
        return [d for d in several if d > 1]
    return several


def bounded(m: FieldMap, dimensions: Iterable[int], *, rows: bool) -> FieldMap:
    """A map that ends at the real borders along some dimensions of several factors; ``rows`` says
    whether along the first factor of each, too."""
    for dimension in dimensions:
        at = range(len(m.factors))[m.span(dimension)]
        for factor in at if rows else at[1:]:
            m = m.pinned(factor)
    return m


def together(m: FieldMap, dimensions: Collection[int]) -> tuple[Sizes, tuple[Table, ...]]:
    """Tables that number the indices of a map, and the sizes of the factors that share each.

    The factors of each of ``dimensions`` share one, all others have one each.
    """
    sizes: list[tuple[int, ...]] = []
    tables: list[Table] = []
    alone = identity(m.factors)
    for dimension in range(len(m.groups)):
        at = range(len(m.factors))[m.span(dimension)]
        if dimension not in dimensions:
            sizes += [(m.factors[factor].size,) for factor in at]
            tables += alone[at.start : at.stop]
        else:
            part = tuple(m.factors[factor].size for factor in at)
            endless = m.factors[at.start].lattice
            rows = (1, *part[1:]) if endless else part
            values = np.empty(prod(rows), dtype=object)
            for index in range(len(values)):
                values[index] = Positions(index, 1)
            sides = [1] * len(m.factors)
            sides[at.start : at.stop] = rows
            steps = [0] * len(sides)
            steps[at.start] = prod(part[1:]) if endless else 0
            sizes.append(part)
            tables.append(Table(values.reshape(sides), tuple(steps)))
    return tuple(sizes), tuple(tables)


def taken_apart(box: Box, sizes: Sizes) -> Iterator[Box]:
    """Boxes over single factors, from a box over numbers of units of several factors."""
    for choice in product(*map(_digits, box, sizes)):
        yield tuple(positions for part in choice for positions in part)


def _digits(positions: Positions, sizes: tuple[int, ...]) -> tuple[Box, ...]:
    """Numbers as boxes of their digits in a mixed radix, the last digit running fastest."""
    if len(sizes) == 1:
        return ((positions,),)
    inner = prod(sizes[1:])
    rows: dict[int, Positions] = {}
    for number in positions.members():
        outer, rest = divmod(number, inner)
        rows[outer] = rows.get(outer, EMPTY) | Positions(rest, 1)
    return canonical(
        (Positions(outer, 1), *rest)
        for outer, within in rows.items()
        for rest in _digits(within, sizes[1:])
    )
