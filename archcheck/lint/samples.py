"""Which samples of a batch each unit of a tensor reads."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np

from archcheck.fields.algebra.field_map import FieldMap
from archcheck.fields.algebra.positions import Positions
from archcheck.fields.algebra.table import Values, united
from archcheck.fields.forward import Cause, ForwardWalk, UnknownMap
from archcheck.fields.handlers import Reading
from archcheck.network import Network


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


class SampleWalk:
    """The samples of one input that the tensors of a pass read.

    Normalisations join what they average over, but for a batch normalisation: that it is taken over
    the batch is its meaning.
    """

    def __init__(self, network: Network, input_index: int, axis: int) -> None:
        self.network = network
        self.source = network.inputs[input_index]
        reading = Reading(lattice=False, normalization_joins=True)
        self._walk = ForwardWalk(network, reading, input_index, spatial=(axis,))
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
