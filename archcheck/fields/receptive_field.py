"""The receptive field of a Network, the public interface of this package.

Definitions: A. Araujo, W. Norris and J. Sim, "Computing Receptive Fields of
Convolutional Neural Networks", Distill 2019, extended from chains of windows to whole graphs.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import cached_property

from archcheck.fields.algebra.field_map import FieldMap
from archcheck.fields.backward import BackwardWalk
from archcheck.fields.field import Field
from archcheck.fields.forward import Cause, ForwardWalk
from archcheck.fields.gates import UngatedWalk
from archcheck.fields.locations import (
    MapLocation,
    features_locations,
    module_location,
    output_locations,
    unknown_location,
)
from archcheck.fields.walks import UnknownField, Walks, describe
from archcheck.gc_pause import gc_paused
from archcheck.markdown_text import escaped, table
from archcheck.network import Network, Op, layers_of
from archcheck.network.kinds import NORMALIZATIONS
from archcheck.network.simplified import simplified
from archcheck.phrases import size_text


class ReceptiveField:
    """The receptive fields of a network. ``size`` and ``jump`` are those at ``features``."""

    def __init__(self, network: Network, input_index: int = 0, normalization: str = "ignored"):
        self.network = network
        self.input_index = input_index
        self._walks = Walks(
            simplified(network), input_index, normalization_joins=normalization == "joins"
        )

    def __repr__(self) -> str:
        return f"<ReceptiveField of {self.network.name}: {self._at_features}>"

    @property
    def _at_features(self) -> str:
        try:
            return f"{size_text(self.size)} at features"
        except UnknownField:
            return "not known at features"

    def _repr_markdown_(self) -> str:
        """What a notebook shows: the field behind each layer."""
        places = [(layer.name, layer.module, layer.output) for layer in layers_of(self.network)]
        rows = [(name, module, *self._figures(tensor)) for name, module, tensor in places]
        titles = ("layer", "module", "field", "jump")
        head = f"receptive field of {self.network.name}: {self._at_features}"
        return "\n".join([f"**{escaped(head)}**", "", *table(titles, rows, "  nn"), ""])

    def _figures(self, tensor: int) -> tuple[str, str]:
        """The size and the jump behind a tensor, in words."""
        try:
            field = self.tensor(tensor)
        except UnknownField:
            return "not known", ""
        return size_text(field.size) or "–", field.jump_text

    @property
    def forward(self) -> ForwardWalk:
        """The walk that carries the fields from the input to every tensor."""
        return self._walks.forward

    @property
    def ungated(self) -> UngatedWalk:
        """The same without paths through operations that join all positions."""
        return self._walks.ungated

    def backward(self, location: MapLocation) -> BackwardWalk:
        """What each operation in front of a location reads, on an infinite image.

        Raises:
            NotModelledError: if an operation is not modelled.
        """
        return self._walks.backward(location)

    @property
    def sides(self) -> tuple[int, ...]:
        """The lengths of the input's spatial axes."""
        return self._walks.sides

    @property
    def not_modelled(self) -> tuple[Cause, ...]:
        """Everything in the network that could not be followed."""
        return tuple(self.forward.not_modelled)

    @cached_property
    def features_locations(self) -> tuple[MapLocation, ...]:
        """The last map in front of the head, one for each output."""
        with gc_paused():
            return tuple(features_locations(self.forward))

    @cached_property
    def output_locations(self) -> tuple[MapLocation, ...]:
        """The outputs."""
        pairs = zip(output_locations(self.network), self.features_locations, strict=True)
        return tuple(replace(output, stages=features.stages) for output, features in pairs)

    def locations(self, name: str) -> tuple[MapLocation, ...]:
        """The locations that a name stands for: all outputs for ``features`` and ``output``.

        Raises:
            UnknownLocation: (a KeyError) if no module of that path was called.
        """
        if name == "features":
            return self.features_locations
        if name == "output":
            return self.output_locations
        for location in (*self.features_locations, *self.output_locations):
            if location.name == name:
                return (location,)
        behind = module_location(self.network, name)
        if behind is None:
            raise unknown_location(self.network, name)
        return (behind,)

    def at(self, location: str | MapLocation) -> Field:
        """The field at ``features``, ``output`` or behind the module of a path.

        Of several outputs it is the first one's; ``output[1]`` names another. For a module that was
        called several times it is the last call's.

        Raises:
            UnknownLocation: (a KeyError) if no module of that path was called.
            UnknownField: if an operation in front of it is not modelled.
        """
        if isinstance(location, str):
            location = self.locations(location)[0]
        return Field(self._walks, location)

    def tensor(self, tensor: int) -> Field:
        """The field of one tensor of the network (by its number).

        Raises:
            UnknownField: if it is not known, or the tensor does not depend on the input.
        """
        return self.at(MapLocation(f"tensor {tensor}", (tensor,)))

    def describe(self, cause: Cause) -> str:
        """A cause in words, with the module and the line."""
        return describe(self.network, cause)

    def joining_norms(self, location: MapLocation) -> tuple[Op, ...]:
        """The normalisations in front of a location that join positions in a strict reading."""
        made = [self.network.tensors[tensor].op for tensor in location.tensors]
        last = max((index for index in made if index is not None), default=-1)
        return tuple(op for op in self.network.ops[: last + 1] if self._joins_space(op))

    def _joins_space(self, op: Op) -> bool:
        if op.kind not in NORMALIZATIONS - {"batch_norm", "local_response_norm", "normalize"}:
            return False
        m = self.forward.map(op.inputs[0])
        if not isinstance(m, FieldMap):
            return False
        spatial = m.spatial_dimensions()
        normalized = len(op.arguments.get("normalized_shape") or ())
        averaged = range(len(m.groups) - normalized, len(m.groups)) if normalized else spatial
        return any(d in spatial and m.shape[d] > 1 for d in averaged)

    @property
    def size(self) -> tuple[int, ...]:
        """The theoretical size at ``features``."""
        return self.at("features").size

    @property
    def jump(self) -> tuple[Fraction | int | None, ...]:
        """The jump at ``features``."""
        return self.at("features").jump


def receptive_field(
    network: Network, *, input_index: int = 0, normalization: str = "ignored"
) -> ReceptiveField:
    """The receptive fields of a traced network, with respect to one of its inputs.

    Args:
        network: from :func:`archcheck.trace`.
        input_index: the input in which positions are counted, from 0.
        normalization: ``ignored`` as in papers, or ``joins``: layer, group and instance norms
            over space join all positions they average over.

    Raises:
        ValueError: if ``normalization`` is neither.
    """
    if normalization not in ("ignored", "joins"):
        raise ValueError(f"normalization is 'ignored' or 'joins', not {normalization!r}")
    return ReceptiveField(network, input_index, normalization)
