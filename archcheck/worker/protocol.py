"""The messages between the caller and a worker: length-prefixed MessagePack.

There is one kind of work, a :class:`Job`. Tracing, gradients, accuracy and training scripts are
jobs; how the process is started (fresh, or forked from a warm one) is left to the transport.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import msgspec

from archcheck.plain_text import in_one_line
from archcheck.worker.failures import Failure, InputError
from archcheck.worker.failures import Input as _Input

Phase = Literal["imports", "builds", "runs", "runs again", "another batch", "over"]
"""What the worker does, in this order: it runs again if an attempt did not count, perhaps with
another batch, and once the user's code is over it only sends its result. Starting is before all."""
PHASES: tuple[Phase, ...] = get_args(Phase)


class Job(msgspec.Struct, frozen=True):
    """A function that the worker calls, and its argument.

    Attributes:
        function: ``package.module:name`` of archcheck's own code. It takes the request and a
            :class:`~archcheck.worker.session.Session`, and returns data.
        request: its first argument as MessagePack, decoded as the type in its annotation.
        script: the user's file or module, for ``sys.argv[0]``.
        timeout: seconds that the user's code may take.
        steps: how many steps have that limit each; 0 if all of them share it.
        memory: the bytes that the user's code may take; 0 for any amount.
    """

    function: str
    request: msgspec.Raw
    script: str = ""
    timeout: float = 60.0
    steps: int = 0
    memory: int = 0


class Stage(msgspec.Struct, frozen=True, tag=True):
    """The worker has reached a phase. Its next message follows within ``seconds``."""

    phase: Phase
    seconds: float


class StepDone(msgspec.Struct, frozen=True, tag=True):
    """Some steps are done. The worker's next message follows within ``seconds``."""

    done: int
    total: int
    seconds: float


class Done(msgspec.Struct, frozen=True, tag=True):
    """The result of the job, as MessagePack."""

    result: msgspec.Raw


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The network could not be imported, built or run."""

    failure: Failure


class Refused(msgspec.Struct, frozen=True, tag=True):
    """An input is wrong: an :class:`~archcheck.worker.failures.InputError`."""

    message: str
    input: _Input
    subject: str
    says_where: bool
    choices: tuple[str, ...] = ()

    @classmethod
    def of(cls, error: InputError) -> Refused:
        """The error as a message."""
        return cls(error.message, error.input, error.subject, error.says_where, error.choices)

    def error(self) -> InputError:
        """The message as an error."""
        return InputError(
            in_one_line(self.message),
            input=self.input,
            subject=self.subject,
            says_where=self.says_where,
            choices=self.choices,
        )


Message = Stage | StepDone | Done | Failed | Refused

OWN_WORK_SECONDS = 120.0
"""The time that archcheck's own part of a job may take at once."""
ATTEMPT = b"\0<archcheck: an attempt that may not count begins>\0"
AGAIN = b"\0<archcheck: the attempt did not count>\0"
"""Marks that a worker writes into the network's own output: what is between the two is dropped,
since the next attempt prints it again."""

_messages: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)
_jobs: msgspec.msgpack.Decoder[Job] = msgspec.msgpack.Decoder(Job)


def raw(data: Any) -> msgspec.Raw:
    """Data as MessagePack.

    Raises:
        TypeError, ValueError, OverflowError: if it cannot be serialised.
    """
    return msgspec.Raw(msgspec.msgpack.encode(data))


def pack(message: Message | Job) -> bytes:
    """A message with its length in front (4 bytes, big endian)."""
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(4, "big") + body


def unpack(body: bytes) -> Message:
    """A message from its bytes, without the length.

    Raises:
        msgspec.DecodeError: if they are not a message.
    """
    return _messages.decode(body)


def unpack_job(body: bytes) -> Job:
    """A job from its bytes, without the length."""
    return _jobs.decode(body)


def own_output(output: bytes) -> bytes:
    """The network's own output, without that of an attempt that did not count."""
    before, _, after = output.rpartition(AGAIN)
    return before.partition(ATTEMPT)[0] * (ATTEMPT in before) + after.replace(ATTEMPT, b"")
