"""What is asked of a process that traces, and what it answers: plain data, no torch here."""

from __future__ import annotations

from typing import Any

import msgspec

from archcheck.network import Network
from archcheck.worker.dependencies.states import Dependencies
from archcheck.worker.reference import Reference


class TraceRequest(msgspec.Struct, frozen=True):
    """The network to trace, the shapes of its inputs without the batch, and the arguments of its
    constructor. ``recorded`` asks what was read for it."""

    reference: Reference
    input_shapes: tuple[tuple[int, ...], ...]
    arguments: dict[str, Any]
    training: bool = False
    recorded: bool = False


class Traced(msgspec.Struct, frozen=True):
    """The network, and what was read for it: None where that was not asked, or is not known."""

    network: Network
    dependencies: Dependencies | None = None


class Probe(msgspec.Struct, frozen=True):
    """A unit whose gradient is wanted: of result ``output`` of the ``occurrence``-th call of a
    function, which has ``shape``; ``index`` has a number for every dimension of it, None for all.
    ``weights`` is the file of a checkpoint, empty for the network's initial weights.
    """

    function: str
    occurrence: int
    output: int
    shape: tuple[int, ...]
    index: tuple[int | None, ...]
    input_index: int = 0
    samples: int = 16
    weights: str = ""


class GradientRequest(msgspec.Struct, frozen=True):
    """The network, the shapes of its inputs without the batch, its arguments, and the unit."""

    reference: Reference
    input_shapes: tuple[tuple[int, ...], ...]
    arguments: dict[str, Any]
    probe: Probe


class Gradient(msgspec.Struct, frozen=True):
    """The absolute gradient at every position of the input: float64 numbers, last axis fastest."""

    sides: tuple[int, ...]
    values: bytes
