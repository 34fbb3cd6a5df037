"""The caller's side of a worker: a process with a time limit, and no torch here."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol, TypeVar

import msgspec

from archcheck.progress import Progress
from archcheck.worker.crashes import crash_in
from archcheck.worker.failures import Failure, InputError, Stage, StartError
from archcheck.worker.owners import authors_code_below
from archcheck.worker.protocol import (
    OWN_WORK_SECONDS,
    PHASES,
    Done,
    Failed,
    Job,
    Message,
    Refused,
    StepDone,
    own_output,
    pack,
    raw,
    unpack,
)
from archcheck.worker.protocol import Stage as StageMessage
from archcheck.worker.reference import roots_of
from archcheck.worker.surroundings import Surroundings

T = TypeVar("T")
ANY = Surroundings()
"""Any amount of memory, and all of the environment that is not archcheck's own."""

START_SECONDS = 120.0
"""The limit on starting a process. It is no part of the network's time limit: a slow start is not
the network's fault."""
GRACE_SECONDS = 3.0
"""The time that a silent worker is given beyond the seconds it announced."""
MOST_OUTPUT_BYTES = 1 << 14
"""The bytes of the network's own output that are kept: the last ones."""
MOST_ANSWER_BYTES = 1 << 26
"""The bytes that all messages of a job may have together."""
TOO_MUCH = f"the network's process answers with more than {MOST_ANSWER_BYTES >> 20} MiB"
_attributing = threading.Lock()
"""Whose code a file is holds for the whole process: one crash at a time is looked at."""

_START = """\
import sys
sys.path[:1] = [p for p in sys.path[:1] if p]
sys.path.append(sys.argv[1])
from archcheck.worker.{module} import main
main(sys.argv[2:])
"""


def command(module: str, arguments: Sequence[str]) -> list[str]:
    """The command of a Python process that calls ``main`` of a module of the worker."""
    root = str(Path(__file__).resolve().parents[2])
    return [sys.executable, "-c", _START.format(module=module), root, *arguments]


class Transport(Protocol):
    """A process that does one job, however it was started.

    The job is written to ``job``; its messages are read from ``answers``, and what it prints from
    ``output``.
    """

    job: IO[bytes]
    answers: IO[bytes]
    output: IO[bytes]

    def wait(self, seconds: float) -> None:
        """Wait until the process is gone, at most so long."""

    @property
    def exit_code(self) -> int | None:
        """That of the process, negative for a signal; None while it goes on, or if unknown."""

    def complaint(self) -> str:
        """Other output that says why the process could not start."""

    def kill(self) -> None:
        """End the process and whatever it started."""


class Spawned:
    """A fresh Python process that imports ``modules`` (and torch with them) at once."""

    def __init__(self, modules: Sequence[str], surroundings: Surroundings = ANY) -> None:
        self._process = subprocess.Popen(
            command("child", modules),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=surroundings.environment(),
            bufsize=0,
            start_new_session=True,
        )
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self.job: IO[bytes] = self._process.stdin
        self.answers: IO[bytes] = self._process.stdout
        self.output: IO[bytes] = self._process.stderr

    def wait(self, seconds: float) -> None:
        """Wait until the process is gone, at most so long."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    @property
    def exit_code(self) -> int | None:
        """That of the process, negative for a signal; None while it goes on."""
        return self._process.poll()

    def complaint(self) -> str:
        """No other output: the process prints its errors itself."""
        return ""

    def kill(self) -> None:
        """End the process and whatever it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()


class Worker:
    """A process that waits for its one job.

    Start it first and do other work meanwhile. As a context manager it leaves no process behind,
    whatever happens.
    """

    def __init__(self, transport: Transport, surroundings: Surroundings = ANY) -> None:
        self._transport = transport
        self._memory = surroundings.memory
        self._output = bytearray()
        self._messages: list[bytes] = []
        self._changed = threading.Condition()
        self._closed = False
        self._script = ""
        self._too_much = False
        self.late = False
        """Whether its time was up."""
        for read, stream in ((self._drain, transport.output), (self._listen, transport.answers)):
            threading.Thread(target=read, args=(stream,), daemon=True).start()

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    def run(
        self,
        function: str,
        request: msgspec.Struct,
        result_type: type[T],
        *,
        script: str,
        timeout: float,
        steps: int = 0,
        on_progress: Progress | None = None,
    ) -> T | Failure:
        """Have a job done; what goes wrong in the user's code is returned as a :class:`Failure`.

        Args:
            function: ``package.module:name`` of archcheck's own code, as in
                :class:`~archcheck.worker.protocol.Job`.
            request: the argument of the function.
            result_type: the type that it returns.
            script: the user's file or module.
            timeout: seconds that the user's code may take; starting the process is no part of it.
            steps: how many steps have that limit each; 0 if all of them share it.
            on_progress: called with the steps done and their total.

        Raises:
            InputError: if an input is wrong.
            StartError: if the process could not start.
        """
        self._script = script
        sys.audit("archcheck.job", function)  # what the process reads is not recorded here
        try:
            job = pack(Job(function, raw(request), script, timeout, steps, self._memory))
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError(
                f"this cannot be handed to the network: {error}", input="arguments"
            ) from None
        # A large job waits in the pipe until the process has come up.
        threading.Thread(target=self._hand_over, args=(job,), daemon=True).start()
        answer = self._converse(_Deadline(timeout, steps), on_progress)
        if isinstance(answer, Failure):
            return answer
        try:
            return msgspec.msgpack.decode(answer.result, type=result_type)
        except msgspec.MsgspecError:
            return Failure("runs", "garbled", output=self._tail())

    def _hand_over(self, job: bytes) -> None:
        left = memoryview(job)
        with contextlib.suppress(OSError, ValueError):  # the process is gone: no answer will come
            while left:
                left = left[self._transport.job.write(left) :]
            self._transport.job.close()

    def _converse(self, deadline: _Deadline, on_progress: Progress | None) -> Done | Failure:
        while True:
            message = self._next(deadline.at)
            stage = deadline.stage
            if isinstance(message, StageMessage):
                deadline.reached(message)
            elif isinstance(message, StepDone):
                deadline.step_done(message)
                if on_progress is not None:
                    on_progress(message.done, message.total)
            elif isinstance(message, Done):
                return message
            elif isinstance(message, Failed):
                self.late = message.failure.cause == "timeout"
                self._join()
                return msgspec.structs.replace(message.failure, output=self._tail())
            elif isinstance(message, Refused):
                raise message.error()
            elif self._too_much:
                self.kill()
                return Failure(stage, "unusable", TOO_MUCH, output=self._tail())
            elif time.monotonic() < deadline.at:
                return self._ended(stage)
            else:
                self.late = True
                self.kill()
                if stage == "starts":
                    raise StartError(
                        "the process that runs the network did not come up within "
                        f"{START_SECONDS:g} seconds: the machine is too busy, or torch cannot be "
                        "imported"
                    )
                return Failure(stage, "timeout", seconds=deadline.limit, output=self._tail())

    def kill(self) -> None:
        """End the process and whatever it started."""
        self._transport.kill()
        for stream in (self._transport.job, self._transport.answers, self._transport.output):
            with contextlib.suppress(OSError, ValueError):
                stream.close()

    # -- reading ----------------------------------------------------------------------------

    def _next(self, deadline: float) -> Message | None:
        with self._changed:
            while not self._messages and not self._closed:
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                self._changed.wait(min(left, 0.5))  # short waits let Ctrl-C through
            if not self._messages:
                return None
            body = self._messages.pop(0)
        try:
            return unpack(body)
        except msgspec.DecodeError:
            return None

    def _listen(self, stream: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError):
            room = MOST_ANSWER_BYTES
            while (head := _exactly(stream, 4)) is not None:
                length = int.from_bytes(head, "big")
                room -= length + len(head)
                self._too_much = room < 0
                body = None if self._too_much else _exactly(stream, length)
                if body is None:
                    break
                with self._changed:
                    self._messages.append(body)
                    self._changed.notify_all()
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _drain(self, stream: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError):
            while data := stream.read(1 << 16):
                self._output += data
                del self._output[: -2 * MOST_OUTPUT_BYTES]

    def _join(self) -> None:
        self._transport.wait(GRACE_SECONDS)
        time.sleep(0.01)

    def _tail(self) -> str:
        kept = own_output(bytes(self._output))[-MOST_OUTPUT_BYTES:]
        return kept.decode("utf-8", "replace").strip()

    def _ended(self, stage: Stage) -> Failure:
        self._join()
        with _attributing, authors_code_below(roots_of(self._script)):
            output, fault = crash_in(self._tail())
        code = self._transport.exit_code
        if stage == "starts":
            lines = (output or self._transport.complaint()).splitlines()
            why = lines[-1] if lines else f"it ended with exit code {code}"
            raise StartError(f"the process that runs the network could not start: {why}")
        place, called = fault.lines
        return Failure(
            stage,
            "died",
            place=place,
            called=called,
            advice=fault.advice(stage),
            exit_code=code,
            output=output,
        )


class _Deadline:
    """When the next message has to be there, whatever the process says.

    A submission can write messages of its own: each phase renews the time once and only forward,
    steps no more often than there are some, and none by more than the limit.
    """

    def __init__(self, limit: float, steps: int) -> None:
        self.limit = limit
        self.stage: Stage = "starts"
        self.at = time.monotonic() + START_SECONDS
        self._phases_reached = 0
        self._steps_left = steps

    def reached(self, message: StageMessage) -> None:
        """The process has reached a phase."""
        number = PHASES.index(message.phase) + 1
        if number <= self._phases_reached:
            return
        self._phases_reached = number
        if message.phase == "over":
            self._renew(message.seconds, OWN_WORK_SECONDS)
            return
        if message.phase in ("imports", "builds"):
            self.stage = message.phase
        else:
            self.stage = "runs"
        self._renew(message.seconds, self.limit)

    def step_done(self, message: StepDone) -> None:
        """Some steps are done."""
        if self._phases_reached and self._steps_left and message.done:
            self._steps_left -= 1
            self._renew(message.seconds, self.limit)

    def _renew(self, announced: float, limit: float) -> None:
        seconds = announced if 0 <= announced <= limit else limit
        self.at = time.monotonic() + seconds + GRACE_SECONDS


def _exactly(stream: IO[bytes], length: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < length:
        data = stream.read(length - len(parts))
        if not data:
            return None
        parts += data
    return bytes(parts)


Start = Callable[[], Worker]
"""A function that starts a worker."""
