"""Locations of receptive fields: in front of the head, at the output, behind a module."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from archcheck.errors import UnknownKey, did_you_mean
from archcheck.fields.forward import ForwardWalk
from archcheck.fields.heads import Stage, find_head
from archcheck.network import Network
from archcheck.network.graph import Paths
from archcheck.phrases import some_of


@dataclass(frozen=True)
class MapLocation:
    """A place in a network: tensors, and the operations that begin the head.

    There are several ``heads`` if the head has branches: two pools side by side, say. ``stages``
    are those that every path to the location runs through. ``pool`` is a pool that follows where
    a convolution or another pool has left a single position.
    """

    name: str
    tensors: tuple[int, ...]
    heads: tuple[int, ...] = ()
    stages: tuple[Stage, ...] = ()
    pool: int | None = None

    @property
    def head(self) -> int | None:
        """The first operation that begins the head."""
        return min(self.heads, default=None)


def output_locations(network: Network) -> list[MapLocation]:
    """One location for every tensor that the network returns."""
    if len(network.outputs) == 1:
        return [MapLocation("output", (network.outputs[0][1],))]
    return [MapLocation(f"output[{label}]", (tensor,)) for label, tensor in network.outputs]


def features_locations(walk: ForwardWalk) -> list[MapLocation]:
    """The last map in front of the head, for every tensor that the network returns."""
    locations = []
    for output in output_locations(walk.network):
        name = output.name.replace("output", "features", 1)
        head = find_head(Paths(walk.network, walk.source, output.tensors[0]), walk)
        ops = tuple([op.index for op in head.ops])
        locations.append(MapLocation(name, head.maps, ops, head.stages, head.pool))
    return locations


class UnknownLocation(UnknownKey):
    """There is no such location in a network; the message says which there are."""


def unknown_location(network: Network, name: str) -> UnknownLocation:
    """The error about a name that is no location of a network."""
    modules = list(dict.fromkeys(call.module for call in network.calls if call.module))
    names = ["features", "output", *modules]
    if name in {module.path for module in network.modules}:
        return UnknownLocation(f"{name}: that module was never called")
    close = get_close_matches(name, names, 3)
    hint = did_you_mean(" or ".join(close), quoted=False)
    there = hint or f"; there are {some_of(names, 12)}"
    return UnknownLocation(f"{name}: there is no such module{there}")


def module_location(network: Network, path: str) -> MapLocation | None:
    """The output of the last call of the module at ``path``; None if it was never called."""
    call = network.last_call(path)
    return None if call is None or not call.outputs else MapLocation(path, call.outputs)
