"""Kernels that a constant mask makes zero in part: which taps are left, for which channels."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from msgspec.structs import replace

from archcheck.fields.algebra import masks
from archcheck.fields.algebra.field_map import FieldMap
from archcheck.fields.algebra.masks import Booleans
from archcheck.fields.algebra.positions import EMPTY, Positions
from archcheck.fields.algebra.region import canonical
from archcheck.fields.algebra.table import Factor, Table, Values
from archcheck.fields.handlers.base import Context
from archcheck.network import kinds

Taps = tuple[tuple[int, ...], ...]
"""The taps of a box of a kernel, for each of its axes."""


def boxes(
    context: Context, m: FieldMap, is_open: Booleans, dimension: int, *, numbered: bool
) -> Iterator[tuple[FieldMap, Taps]]:
    """A convolution's kernel in boxes of taps that are open for the same channels.

    Yields, for each box, the map with its channels mixed, and the taps. ``dimension`` is that of
    the channels; with ``numbered`` the map numbers its units, each dimension on tracks of its own.
    """
    pairs = _channel_pairs(is_open, context)
    if not m.varies_along(dimension):
        pairs = masks.any_along(pairs, 1)
    outputs, inputs, *sides = pairs.shape
    alike: dict[bytes, list[tuple[int, ...]]] = {}
    for tap in np.ndindex(*sides):
        matrix = pairs[:, :, *tap]
        if matrix.any():
            alike.setdefault(matrix.tobytes(), []).append(tap)
    for channels, taps in alike.items():
        matrix = np.frombuffer(channels, dtype=bool).reshape(outputs, inputs)
        if matrix.all():
            mixed = m.mixed(dimension, outputs, context.op.index)
        else:
            mixed = _rows_joined(m, dimension, matrix, numbered=numbered)
        for box in canonical(tuple(Positions(place, 1) for place in tap) for tap in taps):
            yield mixed, tuple(positions.members() for positions in box)


def _channel_pairs(is_open: Booleans, context: Context) -> Booleans:
    """Output channels, input channels, taps: closed where channels are of different groups."""
    groups = context.argument("groups", 1)
    first, second, *sides = is_open.shape
    parts = is_open.reshape(groups, first // groups, second, *sides)
    if context.op.kind in kinds.TRANSPOSED_CONVOLUTIONS:
        parts = parts.swapaxes(1, 2)
    outputs, inputs = parts.shape[1:3]
    pairs = np.zeros((groups, outputs, groups, inputs, *sides), dtype=bool)
    for group in range(groups):
        pairs[group, :, group] = parts[group]
    return pairs.reshape(groups * outputs, groups * inputs, *sides)


def _rows_joined(m: FieldMap, dimension: int, matrix: Booleans, *, numbered: bool) -> FieldMap:
    """Channels that each join the input channels for which their row of a matrix is true."""
    m = m.single(dimension)
    if not m.groups[dimension]:
        m = m.widened(dimension, Factor(1, False, False))
    at = m.span(dimension).start
    m = m.pinned(at)
    dead = ~masks.any_along(matrix, 1, keep=False)

    def joined(table: Table) -> Table:
        if table.varies(at):
            rows = [_union(table.values, at, np.flatnonzero(row)) for row in matrix]
            return Table(np.concatenate(rows, axis=at), table.steps)
        if not dead.any():
            return table
        values = table.values.repeat(len(dead), axis=at)
        values[(slice(None),) * at + (dead,)] = EMPTY
        return Table(values, table.steps)

    factors = (*m.factors[:at], Factor(len(matrix), False, False), *m.factors[at + 1 :])
    result = m.changed(factors, m.groups, joined)
    if not numbered:
        return result
    # Of numbered units one track is enough to say which channels read nothing: their own.
    own = [number for number, t in enumerate(m.tracks) if t.local.varies(at)]
    own = own or [number for number, t in enumerate(m.tracks) if not t.local.empty][:1]
    pairs = enumerate(zip(result.tracks, m.tracks, strict=True))
    return replace(result, tracks=tuple([new if n in own else old for n, (new, old) in pairs]))


def _union(values: Values, axis: int, places: np.typing.NDArray[np.intp]) -> Values:
    if not len(places):
        return np.full_like(values.take([0], axis=axis), EMPTY)
    return np.bitwise_or.reduce(values.take(places, axis=axis), axis=axis, keepdims=True)


def alike_in_one(m: FieldMap, dimension: int) -> FieldMap:
    """A map that holds one entry for a dimension's factors along which all entries are alike."""
    for at in range(len(m.factors))[m.span(dimension)]:
        tables = [table for track in m.tracks for table in track.tables]
        firsts = [table.values.take([0], axis=at) for table in tables]
        alike = all((t.values == first).all() for t, first in zip(tables, firsts, strict=True))
        if alike and not m.factors[at].lattice:
            m = replace(m, tracks=m.mapped(partial(_first_along, at)))
    return m


def _first_along(at: int, table: Table) -> Table:
    return Table(table.values.take([0], axis=at), table.steps)
