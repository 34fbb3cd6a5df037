"""The command line's side of tracing: a child process with a time limit, and no torch here."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import msgspec

from archcheck.network import Network
from archcheck.worker.dependencies.states import Reads
from archcheck.worker.failures import BadReference, Failure, StartError
from archcheck.worker.protocol import (
    Done,
    Failed,
    Measured,
    Message,
    Probe,
    Progress,
    Refused,
    Request,
    Stage,
    Work,
    Worked,
    pack,
    said,
    unpack,
)
from archcheck.worker.reference import Reference

GRACE = 3.0
"""Seconds that a child which no longer answers is given beyond its own time limit."""
KEPT = 1 << 14
"""How many bytes of the network's own output are kept: the last ones."""
LARGEST = 1 << 30
"""An answer that claims to be longer than this is none."""

_START = (
    "import sys\n"
    "sys.path[:1] = [p for p in sys.path[:1] if p]\n"
    "sys.path.append(sys.argv[1])\n"
    "from archcheck.worker.child import main\n"
    "main()\n"
)


class TracingProcess:
    """A child process that imports torch at once and waits to be told what to trace.

    Start it first and do other work meanwhile. As a context manager it leaves no process behind,
    whatever happens.
    """

    reads: Reads | None = None
    """What the network that was traced read, where that was asked for and is known."""

    def __init__(self) -> None:
        root = str(Path(__file__).resolve().parents[2])
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, root],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        self._output = bytearray()
        self._answers: list[bytes] = []
        self._changed = threading.Condition()
        self._closed = False
        for work, stream in (
            (self._drain, self._process.stderr),
            (self._listen, self._process.stdout),
        ):
            threading.Thread(target=work, args=(stream,), daemon=True).start()

    def __enter__(self) -> TracingProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    def trace(
        self,
        reference: Reference,
        input_shapes: Sequence[Sequence[int]],
        arguments: Mapping[str, Any] | None = None,
        *,
        training: bool = False,
        timeout: float = 60.0,
        watched: bool = False,
    ) -> Network | Failure:
        """Trace a network; what goes wrong in it comes back as a :class:`Failure`.

        With ``watched`` what it read is in :attr:`reads` afterwards.

        Raises:
            BadReference: if the reference is wrong.
            StartError: if the child could not import torch.
        """
        shapes = tuple(tuple(shape) for shape in input_shapes)
        request = Request(reference, shapes, dict(arguments or {}), training, timeout, watched)
        answer = self._converse(request)
        if isinstance(answer, Done):
            self.reads = answer.reads
            return answer.network
        return _as_failure(answer)

    def measure(
        self,
        reference: Reference,
        input_shapes: Sequence[Sequence[int]],
        probe: Probe,
        arguments: Mapping[str, Any] | None = None,
        *,
        timeout: float = 60.0,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Measured | Failure:
        """Measure the gradient of a unit with respect to the input.

        ``on_progress`` is told how many of the inputs are done.

        Raises:
            BadReference: if the reference or the file of weights is wrong.
            StartError: if the child could not import torch.
        """
        shapes = tuple(tuple(shape) for shape in input_shapes)
        request = Request(reference, shapes, dict(arguments or {}), False, timeout, probe=probe)
        answer = self._converse(request, on_progress)
        return answer if isinstance(answer, Measured) else _as_failure(answer)

    def work(
        self,
        function: str,
        reference: Reference,
        told: Mapping[str, Any],
        *,
        timeout: float = 60.0,
        stepwise: bool = False,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Any | Failure:
        """Have a function of archcheck's run beside the user's code, and return what it returns.

        Args:
            function: ``package.module:name``; it is given the reference and ``told``, and
                returns plain data.
            reference: the user's code.
            told: plain data.
            timeout: seconds until it is given up.
            stepwise: the function is also given two functions: one that it tells its stage
                (``builds``, ``runs``), one that it tells how many steps of how many are done. The
                time begins anew with each step.
            on_progress: is told of the steps.

        Raises:
            BadReference: if the reference is wrong.
            StartError: if the child could not import torch.
        """
        work = Work(function, dict(told), stepwise)
        request = Request(reference, (), timeout=timeout, work=work)
        answer = self._converse(request, on_progress)
        return answer.result if isinstance(answer, Worked) else _as_failure(answer)

    def _converse(
        self, request: Request, on_progress: Callable[[int, int], None] | None = None
    ) -> Done | Measured | Worked | Failure:
        stage = "starts"
        try:
            body = pack(request)
        except (TypeError, ValueError, OverflowError) as error:
            raise BadReference(f"this cannot be handed to the network: {error}") from None
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(body)
            self._process.stdin.close()
        except BrokenPipeError:
            return self._ended(stage)
        timeout = request.timeout
        deadline = time.monotonic() + timeout + GRACE
        while True:
            message = self._next(deadline)
            if isinstance(message, Stage):
                # Importing torch does not count, nor does an attempt in vain.
                if stage in ("starts", message.name):
                    deadline = time.monotonic() + timeout + GRACE
                stage = message.name
            elif isinstance(message, Progress):
                if request.work is not None:  # each of its steps has all the time that there is
                    deadline = time.monotonic() + timeout + GRACE
                if on_progress is not None:
                    on_progress(message.done, message.total)
            elif isinstance(message, (Done, Measured, Worked)):
                return message
            elif isinstance(message, Failed):
                self._join()
                return msgspec.structs.replace(message.failure, output=self._tail())
            elif isinstance(message, Refused):
                raise BadReference(message.message)
            elif time.monotonic() >= deadline:
                self.kill()
                text = f"did not return within {timeout:g} seconds"
                return Failure(stage, text, output=self._tail())
            else:
                return self._ended(stage)

    def kill(self) -> None:
        """End the child and whatever it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError, AttributeError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError, ValueError):
                    stream.close()

    # -- reading ----------------------------------------------------------------------------

    def _next(self, deadline: float) -> Message | None:
        with self._changed:
            while not self._answers and not self._closed:
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                self._changed.wait(min(left, 0.5))  # short waits let Ctrl-C through
            if not self._answers:
                return None
            body = self._answers.pop(0)
        try:
            return unpack(body)
        except msgspec.DecodeError:
            return None

    def _listen(self, stream: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError):
            while (head := _exactly(stream, 4)) is not None:
                length = int.from_bytes(head, "big")
                body = _exactly(stream, length) if length <= LARGEST else None
                if body is None:
                    break
                with self._changed:
                    self._answers.append(body)
                    self._changed.notify_all()
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _drain(self, stream: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError):
            while data := stream.read(1 << 16):
                self._output += data
                del self._output[: -2 * KEPT]

    def _join(self) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE)
        time.sleep(0.01)

    def _tail(self) -> str:
        return said(bytes(self._output))[-KEPT:].decode("utf-8", "replace").strip()

    def _ended(self, stage: str) -> Failure:
        self._join()
        code = self._process.poll()
        if code is None:
            how = "closed its answer and went on"
        elif code < 0:
            how = f"was killed by {_signal_name(-code)}"
        else:
            how = f"ended the process with exit code {code}"
        if stage == "starts":
            last = self._tail().splitlines()[-1:] or [how]
            raise StartError(f"the process that runs the network could not start: {last[0]}")
        return Failure(stage, f"the network {how}", output=self._tail())


def trace_reference(
    reference: Reference,
    input_shapes: Sequence[Sequence[int]],
    arguments: Mapping[str, Any] | None = None,
    *,
    training: bool = False,
    timeout: float = 60.0,
) -> Network | Failure:
    """Trace the network that a reference names, in a child process of its own.

    Raises:
        BadReference: if the reference is wrong.
    """
    with TracingProcess() as child:
        return child.trace(reference, input_shapes, arguments, training=training, timeout=timeout)


def _as_failure(answer: Done | Measured | Worked | Failure) -> Failure:
    # A child that answers what it was not asked is none of ours.
    return answer if isinstance(answer, Failure) else Failure("runs", "it answered out of turn")


def _exactly(stream: IO[bytes], length: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < length:
        data = stream.read(length - len(parts))
        if not data:
            return None
        parts += data
    return bytes(parts)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
