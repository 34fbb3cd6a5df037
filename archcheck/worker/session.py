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
from typing import BinaryIO

from archcheck.worker.clock import Clock
from archcheck.worker.failures import Failure, Stage
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
from archcheck.worker.source_locations import frame_place, is_user_code

WATCH_SECONDS = 0.2
"""The interval of the watchdog's checks."""


class Session:
    """Sends messages from a job to its caller. The first answer is the only one."""

    def __init__(self, answers: BinaryIO, parent: int, job: Job) -> None:
        self.stage: Stage = "starts"
        self._answers = answers
        self._parent = parent
        self._steps_alone = job.steps > 0
        self._lock = threading.Lock()
        self._clock = Clock(job.timeout)

    # -- for jobs ---------------------------------------------------------------------------

    def enter(self, stage: Stage) -> None:
        """From now on the user's code is imported, built or run, and its time counts."""
        assert stage != "starts"
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

    def over(self) -> None:
        """The user's code is done; what is left is archcheck's own work."""
        self._clock.stop()
        self._send_stage("over", OWN_WORK_SECONDS)

    # -- for the process --------------------------------------------------------------------

    def watch(self) -> None:
        """End the process when its time is up, or when the caller is gone."""
        threading.Thread(target=self._watch, daemon=True).start()

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
            os._exit(0)

    def _watch(self) -> None:
        while self._clock.left > 0:
            time.sleep(WATCH_SECONDS)
            if os.getppid() != self._parent:
                os.killpg(0, signal.SIGKILL)  # and whatever the submission started
        frame = sys._current_frames().get(threading.main_thread().ident or 0)
        while frame is not None and not is_user_code(frame.f_code.co_filename):
            frame = frame.f_back
        place = frame_place(frame) if frame is not None else None
        limit = self._clock.limit
        self.finish(Failed(Failure(self.stage, "timeout", place=place, seconds=limit)))

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
