"""The process that runs the user's code: it traces one network, sends it, and is gone.

Only this process imports torch and the submission. Whatever the submission prints goes to
standard error, which the parent keeps apart; answers go through a private copy of standard output.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:  # at run time everything waits until torch is being imported
    from archcheck.network import Network
    from archcheck.worker.dependencies.recorder import DependencyRecorder
    from archcheck.worker.dependencies.states import Reads
    from archcheck.worker.failures import Failure
    from archcheck.worker.protocol import Measured, Message, Request, Work, Worked
    from archcheck.worker.reference import Reference

PR_SET_PDEATHSIG = 1
PATIENCE = 0.2
"""How often, in seconds, the watchdog looks around."""


def main() -> None:
    """Serve one request from standard input."""
    _die_with_parent()
    gc.disable()  # a short life: collecting garbage during the imports only costs time
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    started = os.getppid()
    # All that is needed, while the parent still reads the spec and the clock does not run yet.
    from archcheck.worker.library_env import throw_switches
    from archcheck.worker.protocol import unpack_request

    throw_switches()
    body = _read(sys.stdin.buffer)
    if body is None:
        os._exit(0)
    request = unpack_request(body)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    gc.freeze()  # what torch holds lives as long as the process: never look through it
    gc.enable()
    Server(answers, started).serve(request)


def _die_with_parent() -> None:
    """Have the kernel end this process with its parent, where it knows how (Linux).

    The watchdog does the same, but cannot while the submission holds the interpreter.
    """
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _read(stream: BinaryIO) -> bytes | None:
    head = stream.read(4)
    if len(head) < 4:
        return None
    return stream.read(int.from_bytes(head, "big"))


class Server:
    """Answers one request, whatever the submission does."""

    def __init__(self, answers: BinaryIO, parent: int) -> None:
        self._answers = answers
        self._parent = parent
        self._lock = threading.Lock()
        self._stage = "imports"
        self._recorder: DependencyRecorder | None = None
        self._started = time.monotonic()

    def serve(self, request: Request) -> None:
        """Trace and answer, then end the process without tearing the interpreter down."""
        from archcheck.worker.failures import BadReference, NetworkError
        from archcheck.worker.protocol import Failed, Refused
        from archcheck.worker.source_locations import not_user_code

        not_user_code("<string>")  # the line that started this process
        threading.Thread(target=self._watch, args=(request.timeout,), daemon=True).start()
        try:
            answer = self._answer(request)
        except BadReference as error:
            self._finish(Refused(str(error)))
        except NetworkError as error:
            self._finish(Failed(error.failure()))
        except BaseException as error:  # the submission may raise anything at all
            self._finish(Failed(self._unforeseen(error)))
        else:
            self._finish(answer)

    def _answer(self, request: Request) -> Message:
        from archcheck.worker.protocol import Done

        if request.work is not None:
            return self._work(request.work, request.reference)
        if request.probe is not None:
            return self._measure(request)
        return Done(self._trace(request), self._reads())

    def _work(self, work: Work, reference: Reference) -> Worked:
        import importlib

        from archcheck.worker.protocol import Worked
        from archcheck.worker.seeding import seed

        sys.argv = [reference.file or reference.module]
        self._say("imports")
        seed()
        module, _, name = work.function.partition(":")
        function = getattr(importlib.import_module(module), name)
        tell = (self._say, self._step) if work.stepwise else ()
        return Worked(function(reference, work.told, *tell))

    def _step(self, done: int, total: int) -> None:
        from archcheck.worker.protocol import Progress

        self._started = time.monotonic()
        self._send(Progress(done, total))

    def _trace(self, request: Request) -> Network:
        from archcheck.tracing.shape_rules.lazy_init import LazyInit
        from archcheck.tracing.trace import trace
        from archcheck.worker.loading import loaded
        from archcheck.worker.seeding import seed

        seed()
        if request.watched:
            from archcheck.worker.dependencies.recorder import watch

            with contextlib.suppress(Exception):  # unwatched it is traced all the same
                self._recorder = watch()
        sys.argv = [request.reference.file or request.reference.module]
        self._say("imports")
        weights = LazyInit()
        with loaded(request.reference, request.arguments, self._say, weights) as found:
            self._say("runs")
            return trace(
                found.model,
                request.input_shapes,
                training=request.training,
                name=found.name,
                source=found.source,
                notes=found.notes,
                weights=weights,
                attempted=self._attempted,
            )

    def _reads(self) -> Reads | None:
        with contextlib.suppress(Exception):  # what is not known is no failure of the network
            return self._recorder.finish() if self._recorder is not None else None
        return None

    def _attempted(self, begins: bool) -> None:
        from archcheck.worker.protocol import AGAIN, ATTEMPT

        _flush()
        with contextlib.suppress(OSError):
            os.write(2, ATTEMPT if begins else AGAIN)
        if not begins:  # the real pass has all the time that there is
            self._started = time.monotonic()
            self._say("runs")

    def _measure(self, request: Request) -> Measured:
        from archcheck.tracing.unit_gradient import measure
        from archcheck.tracing.weights import load_weights
        from archcheck.worker.loading import loaded
        from archcheck.worker.protocol import Progress
        from archcheck.worker.seeding import seed

        def progress(done: int, total: int) -> None:
            self._send(Progress(done, total))

        assert request.probe is not None
        sys.argv = [request.reference.file or request.reference.module]
        self._say("imports")
        seed()  # initial weights are drawn, the same ones every time
        with loaded(request.reference, request.arguments, self._say) as found:
            if request.probe.weights:
                load_weights(found.model, request.probe.weights)
            self._say("runs")
            return measure(found.model, request.input_shapes, request.probe, progress)

    def _unforeseen(self, error: BaseException) -> Failure:
        from archcheck.worker.failures import Failure, describe
        from archcheck.worker.loading import error_place

        return Failure(self._stage, describe(error), place=error_place(error.__traceback__))

    def _watch(self, timeout: float) -> None:
        """End the process when time is up or the parent is gone."""
        from archcheck.worker.failures import Failure
        from archcheck.worker.protocol import Failed
        from archcheck.worker.source_locations import frame_place, is_user_code

        self._started = time.monotonic()
        while time.monotonic() < self._started + timeout:
            time.sleep(PATIENCE)
            if os.getppid() != self._parent:
                os.killpg(0, signal.SIGKILL)  # and whatever the submission started
        frame = sys._current_frames().get(threading.main_thread().ident or 0)
        while frame is not None and not is_user_code(frame.f_code.co_filename):
            frame = frame.f_back
        place = frame_place(frame) if frame is not None else None
        message = f"did not return within {timeout:g} seconds"
        self._finish(Failed(Failure(self._stage, message, place=place)))

    def _say(self, stage: str) -> None:
        from archcheck.worker.protocol import Stage

        self._stage = stage
        self._send(Stage(stage))

    def _send(self, message: Message) -> None:
        from archcheck.worker.protocol import pack

        with self._lock:
            self._answers.write(pack(message))

    def _finish(self, message: Message) -> None:
        from archcheck.worker.protocol import pack

        with self._lock:  # never given back: the first answer is the only one
            try:
                body = pack(message)
            except (TypeError, ValueError, OverflowError) as error:
                from archcheck.worker.failures import Failure
                from archcheck.worker.protocol import Failed

                text = f"what was seen cannot be handed on ({type(error).__name__})"
                body = pack(Failed(Failure(self._stage, text)))
            data = memoryview(body)
            while data:
                data = data[self._answers.write(data) :]
            _flush()
            os._exit(0)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue  # the submission closed or replaced it


if __name__ == "__main__":
    main()
