"""What the command line and its tracing child say to each other: length-prefixed MessagePack."""

from __future__ import annotations

from typing import Any

import msgspec

from archcheck.network import Network
from archcheck.worker.dependencies.states import Reads
from archcheck.worker.failures import Failure
from archcheck.worker.reference import Reference


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


class Work(msgspec.Struct, frozen=True):
    """A function of the child's own code, as ``package.module:name``, and what it is told beside
    the reference. It returns plain data. One that works ``stepwise`` says how far it is, and has
    all the time that there is for every step."""

    function: str
    told: dict[str, Any] = {}
    stepwise: bool = False


class Request(msgspec.Struct, frozen=True):
    """What to trace; ``watched`` asks what was read for it. With a ``probe`` its gradient is
    measured instead, with ``work`` that is done."""

    reference: Reference
    input_shapes: tuple[tuple[int, ...], ...]
    arguments: dict[str, Any] = {}
    training: bool = False
    timeout: float = 60.0
    watched: bool = False
    probe: Probe | None = None
    work: Work | None = None


ATTEMPT = b"\0<archcheck: an attempt that may not count begins>\0"
AGAIN = b"\0<archcheck: the attempt did not count>\0"
"""What the child writes between the network's own output: what stands between the two would be
said twice otherwise."""


class Stage(msgspec.Struct, frozen=True, tag=True):
    """The child has come this far: ``imports``, ``builds`` or ``runs``."""

    name: str


class Done(msgspec.Struct, frozen=True, tag=True):
    """The network was traced; ``reads`` is None where nobody asked, or nobody can tell."""

    network: Network
    reads: Reads | None = None


class Measured(msgspec.Struct, frozen=True, tag=True):
    """The absolute gradient at every position of the input: float64 numbers, last axis fastest."""

    sides: tuple[int, ...]
    values: bytes


class Worked(msgspec.Struct, frozen=True, tag=True):
    """What the work came to."""

    result: Any


class Progress(msgspec.Struct, frozen=True, tag=True):
    """So much of the work is done."""

    done: int
    total: int


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The network could not be imported, built or run."""

    failure: Failure


class Refused(msgspec.Struct, frozen=True, tag=True):
    """The reference is wrong."""

    message: str


Message = Stage | Done | Measured | Worked | Progress | Failed | Refused

_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


def pack(message: Message | Request) -> bytes:
    """A message with its length in front (4 bytes, big endian)."""
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(4, "big") + body


def unpack(body: bytes) -> Message:
    """A message from its bytes, without the length.

    Raises:
        msgspec.DecodeError: if they are none.
    """
    return _decoder.decode(body)


def said(output: bytes) -> bytes:
    """The network's own output, without that of an attempt that did not count."""
    before, _, after = output.rpartition(AGAIN)
    return before.partition(ATTEMPT)[0] * (ATTEMPT in before) + after.replace(ATTEMPT, b"")


def unpack_request(body: bytes) -> Request:
    """A request from its bytes, without the length."""
    return msgspec.msgpack.decode(body, type=Request)
