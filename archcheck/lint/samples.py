"""Which samples of a batch each unit of a tensor reads."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np

from archcheck.fields.algebra.field_map import FieldMap, NotModelledError
from archcheck.fields.algebra.merge import merged
from archcheck.fields.algebra.positions import Positions
from archcheck.fields.algebra.table import Values, united
from archcheck.fields.forward import Cause, ForwardWalk, UnknownMap
from archcheck.fields.handlers import Reading, Result
from archcheck.network import Network, Op

_SAMPLED = frozenset({"grid_sample", "affine_grid", "deform_conv2d"})
"""Kinds whose operands have the samples first, and which read no other one."""
_ALONG_ONE = frozenset("gather take_along_dim scatter scatter_add".split())
"""Kinds that are indexed along one dimension: no other ones meet."""
_OF_MATRICES = frozenset(
    """cholesky cholesky_solve det eig eigh eigvals eigvalsh inv inverse logdet lstsq lu matrix_exp
    pinv qr slogdet solve solve_triangular svd svdvals""".split()
)
"""Kinds of a matrix, in the last two dimensions: no others meet."""


@dataclass(frozen=True)
class SampleSets:
    """The samples that each unit of a tensor reads, by the factors of its map."""

    map: FieldMap

    @cached_property
    def sets(self) -> Values:
        """A set for each unit, with one entry along factors along which they do not differ."""
        return united([table.values for table in self.map.tracks[0].tables])

    @property
    def mixed(self) -> bool:
        """Whether any unit reads several samples."""
        return any(each.count > 1 for each in self.sets.flat)

    @property
    def apart(self) -> bool:
        """Whether the index along one dimension says which sample a unit reads."""
        spans = map(self.map.span, range(len(self.map.groups)))
        varying = [span for span in spans if prod(self.sets.shape[span]) > 1]
        return len(varying) <= 1

    def follows(self, dimension: int) -> bool:
        """Whether a unit reads no other sample than the one of its index along a dimension."""
        span = self.map.span(dimension)
        rest = tuple(f for f in range(self.sets.ndim) if not span.start <= f < span.stop)
        rows = np.bitwise_or.reduce(self.sets, axis=rest) if rest else self.sets
        sizes = [factor.size for factor in self.map.factors[span]]
        of_each: list[Positions] = list(np.broadcast_to(rows, sizes).flat)
        return not any(each - Positions(sample, 1) for sample, each in enumerate(of_each))

    def example(self) -> tuple[int, ...]:
        """The samples that one unit reads: a unit that reads most of them."""
        most: Positions = max(self.sets.flat, key=lambda each: each.count)
        return most.members()


class _Walk(ForwardWalk):
    """Follows what values decide on within samples, too."""

    def carried(
        self, op: Op, operands: dict[int, FieldMap | None], network: Network | None = None
    ) -> list[Result]:
        results = super().carried(op, operands, network)
        maps = [m for m in operands.values() if m is not None]
        axis = _axis_apart(op, maps)
        if axis is None:
            return results
        return [
            _of_whole_samples(maps, axis, self.network.shape(tensor), op)
            if isinstance(result, NotModelledError)
            else result
            for tensor, result in zip(op.outputs, results, strict=True)
        ]


def _axis_apart(op: Op, maps: list[FieldMap]) -> int | None:
    """The one dimension along which an operation's operands differ, if indices along it do not
    meet; None if it is none."""
    varying = {d for m in maps for d in range(len(m.groups)) if m.varies_along(d)}
    ranks = {len(m.groups) for m in maps}
    if len(varying) != 1:
        return None
    (axis,) = varying
    if op.kind in _ALONG_ONE:
        dim = op.arguments.get("dim")
        apart = isinstance(dim, int) and len(ranks) == 1 and axis != dim % max(ranks)
    elif op.kind in _OF_MATRICES:
        apart = axis < min(ranks) - 2
    else:
        apart = op.kind in _SAMPLED and axis == 0
    return axis if apart else None


def _of_whole_samples(maps: list[FieldMap], axis: int, shape: tuple[int, ...], op: Op) -> Result:
    """A result whose units may read all that the operands have of the same index of an axis."""
    parts = []
    for m in maps:
        if axis >= len(shape) or m.shape[axis] != shape[axis]:
            return NotModelledError(f"{op.kind} of another number of samples")
        rest = [d for d in range(len(m.groups)) if d != axis]
        part = m.joined(rest, op.index)
        for dimension in reversed(rest):
            part = part.without(dimension)
        for dimension, size in enumerate(shape):
            if dimension != axis:
                part = part.with_new(dimension).grown(dimension, size)
        parts.append(part)
    return merged(parts, shape)


class SampleWalk:
    """The samples of one input that the tensors of a pass read.

    Normalisations join what they average over, but for a batch normalisation: that it is taken over
    the batch is its meaning.
    """

    def __init__(self, network: Network, input_index: int, axis: int) -> None:
        self.network = network
        self.source = network.inputs[input_index]
        reading = Reading(lattice=False, normalization_joins=True)
        self._walk = _Walk(network, reading, input_index, spatial=(axis,))
        self._sets: dict[int, SampleSets] = {}

    def reads(self, tensor: int) -> SampleSets | None:
        """The samples that the units of a tensor read; None if that is not known, or none."""
        m = self._walk.map(tensor)
        if not isinstance(m, FieldMap):
            return None
        return self._sets.setdefault(tensor, SampleSets(m.within_borders()))

    def unknown(self, tensor: int) -> tuple[Cause, ...]:
        """Why it is not known which samples a tensor reads; empty if it is known."""
        m = self._walk.map(tensor)
        return m.causes if isinstance(m, UnknownMap) else ()


def sample_walks(network: Network) -> list[SampleWalk]:
    """A walk for each input that has a batch."""
    axes = [given.batch for given in network.given_tensors]
    return [SampleWalk(network, at, axis) for at, axis in enumerate(axes) if axis is not None]
