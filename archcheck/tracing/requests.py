"""The requests and the results of the jobs that run a network: plain data, without torch."""

from __future__ import annotations

from typing import Any

import msgspec

from archcheck.network import Network
from archcheck.network.inputs import Input, PlainValue
from archcheck.worker.dependencies.states import Dependencies
from archcheck.worker.reference import Reference


class TraceRequest(msgspec.Struct, frozen=True):
    """The network to trace, what it is given, and the arguments of its constructor.

    With ``recorded`` the result lists what was read for it. With ``other_batches`` it has to be the
    same network for another batch. ``batch`` is its number of samples, 0 for the usual one.
    """

    reference: Reference
    inputs: tuple[Input | PlainValue, ...]
    arguments: dict[str, Any]
    training: bool = False
    recorded: bool = False
    other_batches: bool = False
    batch: int = 0


class Traced(msgspec.Struct, frozen=True):
    """The network, and what was read for it: None where that was not recorded."""

    network: Network
    dependencies: Dependencies | None = None


class EditedRequest(msgspec.Struct, frozen=True):
    """A network whose files hold something else than on the disk, in several ways.

    Each of ``edits`` has the contents of the files that it changes, by their paths. Every one is
    traced with each of ``inputs``; with ``other_batches`` it has to be the same network for another
    batch. With ``several`` samples, and in the other mode, the first inputs are traced once more.
    """

    reference: Reference
    inputs: tuple[tuple[Input | PlainValue, ...], ...]
    arguments: dict[str, Any]
    edits: tuple[dict[str, bytes], ...]
    training: bool = False
    other_batches: bool = False
    several: int = 0


class Edited(msgspec.Struct, frozen=True):
    """The network after an edit, with each of the inputs; none and a reason where it does not
    run.

    ``passes`` are those of several samples and of the other mode, each the network or the reason
    why it does not run.
    """

    networks: tuple[Network, ...] = ()
    reason: str = ""
    passes: tuple[Network | str, ...] = ()


class Probe(msgspec.Struct, frozen=True):
    """A unit whose gradient is to be measured.

    It is part of result number ``output`` of the ``occurrence``-th call of a function, both counted
    from 0. That result has ``shape``; ``index`` has a number for every dimension of it, None for
    all of a dimension. The gradient is averaged over ``samples`` random inputs. ``weights`` is the
    file of a checkpoint, empty for the network's initial weights.
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
    """The network, what it is given, the arguments of its constructor, and the unit."""

    reference: Reference
    inputs: tuple[Input | PlainValue, ...]
    arguments: dict[str, Any]
    probe: Probe


class Gradient(msgspec.Struct, frozen=True):
    """The absolute gradient at every position of the input.

    ``sides`` are the lengths of its spatial axes, ``values`` little-endian float64 numbers with the
    last axis fastest.
    """

    sides: tuple[int, ...]
    values: bytes
