"""The second argument of a job: it reports how far the job is, and whose time that takes.

What a job does before it enters a stage, and after it is over, is archcheck's own work and no part
of the time limit: importing libraries, reading images and weights, sending the result.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import Any, BinaryIO, NoReturn

from archcheck.worker.clock import Clock
from archcheck.worker.failures import Cause, Failure, Stage
from archcheck.worker.faults import fault_at
from archcheck.worker.protocol import (
    AGAIN,
    ATTEMPT,
    OWN_WORK_SECONDS,
    Failed,
    Job,
    Message,
    Phase,
    StepDone,
    pack,
)
from archcheck.worker.protocol import Stage as StageMessage
from archcheck.worker.surroundings import limit_memory

WATCH_SECONDS = 0.2
"""The interval of the watchdog's checks."""
_end_process = os._exit


class Session:
    """Sends messages from a job to its caller. The first answer is the only one."""

    def __init__(self, answers: BinaryIO, parent: int, job: Job) -> None:
        self.stage: Stage = "starts"
        self._answers = answers
        self._parent = parent
        self._pid = os.getpid()
        self._steps_alone = job.steps > 0
        self._memory = job.memory
        self._lock = threading.Lock()
        self._clock = Clock(job.timeout)

    # -- for jobs ---------------------------------------------------------------------------

    def enter(self, stage: Stage) -> None:
        """From now on the user's code is imported, built or run, and its time counts."""
        assert stage != "starts"
        if self.stage == "starts":
            limit_memory(self._memory)
        self.stage = stage
        self._clock.start()
        self._send_stage(stage, self._clock.left)

    def step(self, done: int, total: int) -> None:
        """Report that some steps are done."""
        if self._steps_alone:
            self._clock.reset()
        self._send(StepDone(done, total, self._clock.left))

    def attempt(self, begins: bool) -> None:
        """An attempt that may not count begins, or did not count: then the job starts again."""
        flush_output()
        with contextlib.suppress(OSError):
            os.write(2, ATTEMPT if begins else AGAIN)
        if not begins:
            self._clock.reset()
            self._send_stage("runs again", self._clock.left)

    def compare(self) -> None:
        """The network is run once more, with another batch."""
        self._clock.reset()
        self._send_stage("another batch", self._clock.left)

    def over(self) -> None:
        """The user's code is done; what is left is archcheck's own work."""
        self._clock.stop()
        self._send_stage("over", OWN_WORK_SECONDS)

    # -- for the process --------------------------------------------------------------------

    def watch(self) -> None:
        """End the process when its time is up, or when the caller is gone; say where it ended
        itself."""
        threading.Thread(target=self._watch, daemon=True).start()
        os._exit = self._ends_itself  # type: ignore[assignment]

    def finish(self, message: Message) -> None:
        """Send the answer, and end the process without tearing the interpreter down."""
        self._clock.stop()
        with self._lock:  # never released: the first answer is the only one
            try:
                data = memoryview(pack(message))
            except ValueError as error:  # a lone surrogate in a file's name, say
                text = f"what went wrong cannot be handed on ({type(error).__name__})"
                data = memoryview(pack(Failed(Failure(self.stage, "unusable", text))))
            while data:
                data = data[self._answers.write(data) :]
            flush_output()
            _end_process(0)

    def _watch(self) -> None:
        while self._clock.left > 0:
            time.sleep(WATCH_SECONDS)
            if os.getppid() != self._parent:
                os.killpg(0, signal.SIGKILL)  # and whatever the submission started
        frame = sys._current_frames().get(threading.main_thread().ident or 0)
        self.finish(Failed(self._failure_at(frame, "timeout", seconds=self._clock.limit)))

    def _ends_itself(self, code: int) -> NoReturn:
        """Stands for ``os._exit``, after which nothing could be said any more."""
        if os.getpid() == self._pid and isinstance(code, int):
            self.finish(Failed(self._failure_at(sys._getframe(1), "died", exit_code=code & 0xFF)))
        _end_process(code)  # a process that the network forked

    def _failure_at(self, frame: FrameType | None, cause: Cause, **known: Any) -> Failure:
        fault = fault_at(frame)
        place, called = fault.lines
        advice = fault.advice(self.stage)
        return Failure(self.stage, cause, place=place, called=called, advice=advice, **known)

    def _send_stage(self, phase: Phase, seconds: float) -> None:
        self._send(StageMessage(phase, seconds))

    def _send(self, message: Message) -> None:
        with self._lock:
            self._answers.write(pack(message))


def flush_output() -> None:
    """Flush what the user's code printed."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue  # the submission closed or replaced it
