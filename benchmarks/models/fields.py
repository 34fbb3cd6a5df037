"""What archcheck says that single units read, beside their gradients."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod

import numpy as np
from torch import nn

from archcheck import Field, Network, ReceptiveField, UnknownField
from tests.support import oracle
from tests.support.exactness import Deep

PLACES = (0.2, 0.6, 1.0)
"""Which maps are compared: shares of those that modules return, in the order of the pass."""
AVERAGES = {"mean", "adaptive_avg_pool2d"}
NO_GRADIENT = (FloatingPointError, RuntimeError, TypeError)
"""The oracle raises these where it has no linear form of a function, or its numbers run out."""


SECONDS = 30.0
"""Of the processor: no further map of a model is compared after them."""


@dataclass
class Compared:
    """How many units were compared, which of them differ, and why maps could not be."""

    units: int = 0
    differing: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def compare(
    net: nn.Module, network: Network, rf: ReceptiveField, shape: tuple[int, ...]
) -> Compared:
    """Compare the exact sets of a few units of a few maps with their gradients.

    Where averages over the whole map reach every unit, also what is read without them.
    """
    found = Compared()
    end = time.process_time() + SECONDS
    for module, at in _maps(network, rf):
        if time.process_time() > end:
            found.refused.append(f"{module}: other maps took {SECONDS:g} seconds")
            break
        for gates in (True, False) if _only_averages_join(rf, at) else (True,):
            try:
                _compare_map(net, shape, module, at, gates, found)
            except (UnknownField, *NO_GRADIENT) as error:
                found.refused.append(f"{module}: {error}")
    return found


def _maps(network: Network, rf: ReceptiveField) -> list[tuple[str, Field]]:
    """Modules that return a map, spread over the pass, with the fields of its units."""
    last = {call.module: call for call in network.calls if call.module and len(call.outputs) == 1}
    maps = []
    for call in sorted(last.values(), key=lambda call: call.index):
        try:
            at = rf.tensor(call.outputs[0])
        except UnknownField:
            continue
        # A matrix of attention scores is no map, though it has two axes of tokens.
        if prod(at.shape) > 1 and prod(at.shape) <= prod(at.sides):
            maps.append((call.module, at))
    chosen = sorted({round(share * (len(maps) - 1)) for share in PLACES}) if maps else []
    return [maps[index] for index in chosen]


def _only_averages_join(rf: ReceptiveField, at: Field) -> bool:
    """Whether the field is global, by averages alone: the oracle can leave them out."""
    if not at.is_global:
        return False
    made = [rf.network.producer(tensor) for tensor, _ in rf.backward(at.location).joins()]
    return {op.kind for op in made if op is not None} <= AVERAGES


def _compare_map(
    net: nn.Module, shape: tuple[int, ...], module: str, at: Field, gates: bool, found: Compared
) -> None:
    with Deep():
        run = oracle.Fields(net, shape, at=module, gates="open" if gates else "ignored")
    if run.output.shape != at.map.shape:
        raise TypeError("the module was called more than once")
    for unit in _units(at.shape):
        region = at.unit(unit, gates=gates).actual
        # A map may have its axes anywhere: behind the channels, in front of them, as tokens.
        index = [slice(None) if place is None else place for place in at.index(unit)]
        mask = run.read(index)
        found.units += 1
        if not np.array_equal(region.mask(), mask):
            found.differing.append(f"{module}, unit {unit}{'' if gates else ' without gates'}")


def _units(sides: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """The first, the middle and the last unit."""
    yield tuple(0 for _ in sides)
    if max(sides) > 2:
        yield tuple(side // 2 for side in sides)
    yield tuple(side - 1 for side in sides)
