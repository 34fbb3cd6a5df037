"""One warm process that has imported torch and is forked for every job: the caller's side."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import IO
from weakref import WeakSet

from archcheck.worker.process import ANY, GRACE_SECONDS, Spawned, Worker, command
from archcheck.worker.surroundings import Surroundings
from archcheck.worker.warm_protocol import ENDED, FORK, RELEASE, RELEASED, REPLY, REQUEST, STARTED


def fresh_worker(modules: Sequence[str], surroundings: Surroundings = ANY) -> Worker:
    """A worker that nothing was run in before, with a warm process of its own where there is fork:
    that clears away what the job leaves behind, and it is not the caller that code which kills its
    parent kills."""
    if not can_fork():
        return Worker(Spawned(modules, surroundings), surroundings)
    return Worker(_Alone(modules, surroundings), surroundings)


def can_fork() -> bool:
    """Whether a process that has imported torch can be forked on this system."""
    return sys.platform == "linux"  # elsewhere a library may have threads, or there is no fork


class WarmWorkers:
    """Starts workers by forking one process that has imported ``modules`` (and torch with them).

    Each job has a process, a session and pipes of its own, as in a fresh process, so that jobs do
    not affect each other. The warm process is started for the first worker; from then on it has
    one forked in advance. As a context manager this leaves no process behind. On systems without
    fork every worker is a fresh process.
    """

    def __init__(self, modules: Sequence[str], surroundings: Surroundings = ANY) -> None:
        self._modules = tuple(modules)
        self._surroundings = surroundings
        self._server: _Server | None = None
        self._spare: Worker | None = None
        self._spawned: WeakSet[Worker] = WeakSet()

    def __enter__(self) -> WarmWorkers:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> Worker:
        """A worker that waits for its job."""
        if can_fork():
            return self._forked()
        worker = Worker(Spawned(self._modules, self._surroundings), self._surroundings)
        self._spawned.add(worker)
        return worker

    def close(self) -> None:
        """End all of these processes."""
        self._end_server()
        for worker in self._spawned:
            worker.kill()

    def _forked(self) -> Worker:
        if self._server is None or self._server.gone:
            self._end_server()
            self._server = _Server(self._modules, self._surroundings)
        worker = self._spare or Worker(self._server.fork(), self._surroundings)
        self._spare = Worker(self._server.fork(), self._surroundings)
        return worker

    def _end_server(self) -> None:
        for each in (self._server, self._spare):
            if each is not None:
                each.kill()
        self._server = self._spare = None


class _Server:
    """The warm process and those that it forked."""

    def __init__(self, modules: Sequence[str], surroundings: Surroundings) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the process)
        with theirs:
            self._process = subprocess.Popen(
                command("warm_server", [str(theirs.fileno()), *modules]),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                env=surroundings.environment(),
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._socket = ours
        self._waiting: deque[_Forked] = deque()  # those whose pids are not known yet, in order
        self._forked: dict[int, _Forked] = {}
        self._worked = False
        self.gone = False
        threading.Thread(target=self._listen, daemon=True).start()

    def fork(self) -> _Forked:
        """Request a fork, without waiting for it."""
        pipes = [os.pipe() for _ in range(3)]
        (job, our_job), (our_answers, answers), (our_output, output) = pipes
        forked = _Forked(self, our_job, our_answers, our_output)
        self._waiting.append(forked)
        try:
            socket.send_fds(self._socket, [REQUEST.pack(FORK, 0)], [job, answers, output])
        except OSError:  # the warm process is gone: the pipes end at once
            forked.lose()
        finally:
            for descriptor in (job, answers, output):
                os.close(descriptor)
        return forked

    def release(self, pid: int) -> None:
        """Have a forked process killed and reaped, with whatever it started."""
        with contextlib.suppress(OSError):
            self._socket.send(REQUEST.pack(RELEASE, pid))

    def kill(self) -> None:
        """End the warm process, those that it forked, and what they started."""
        for forked in [*self._forked.values(), *self._waiting]:
            forked.kill()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # it clears everything away and ends
        if self._worked:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(GRACE_SECONDS)
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._socket.close()
        self._errors.close()

    def complaint(self) -> str:
        """What the warm process printed: why it could not start."""
        with contextlib.suppress(OSError, ValueError):
            self._errors.seek(0)
            return self._errors.read().decode("utf-8", "replace")
        return ""

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while reply := self._socket.recv(REPLY.size):
                what, pid, code = REPLY.unpack(reply)
                if what == STARTED:
                    self._worked = True
                    forked = self._waiting.popleft()
                    self._forked[pid] = forked
                    forked.begin(pid)
                elif what == ENDED:
                    self._forked[pid].end(code)
                elif what == RELEASED:
                    self._forked.pop(pid).lose()
        self.gone = True
        for forked in [*self._forked.values(), *self._waiting]:
            forked.lose()


class _Forked:
    """A process that the warm one forked."""

    def __init__(self, server: _Server, job: int, answers: int, output: int) -> None:
        self._server = server
        self._lock = threading.Lock()
        self._pid: int | None = None
        self._killed = False
        self._ended = threading.Event()
        self._lost = threading.Event()
        self.exit_code: int | None = None
        self.job: IO[bytes] = os.fdopen(job, "wb", buffering=0)
        self.answers: IO[bytes] = os.fdopen(answers, "rb", buffering=0)
        self.output: IO[bytes] = os.fdopen(output, "rb", buffering=0)

    def wait(self, seconds: float) -> None:
        """Wait until the process is gone, at most so long."""
        self._ended.wait(seconds)

    def complaint(self) -> str:
        """What the warm process printed."""
        return self._server.complaint()

    def kill(self) -> None:
        """End the process and whatever it started."""
        with self._lock:
            first, self._killed = not self._killed, True
            pid = self._pid
        if first and pid is not None:
            self._server.release(pid)
        if pid is not None:
            self._lost.wait(GRACE_SECONDS)

    # -- events from the server -------------------------------------------------------------

    def begin(self, pid: int) -> None:
        """It has been forked."""
        with self._lock:
            self._pid = pid
            killed = self._killed
        if killed:
            self._server.release(pid)

    def end(self, code: int) -> None:
        """It has ended by itself."""
        self.exit_code = code
        self._ended.set()

    def lose(self) -> None:
        """It has been reaped, or cannot be known any more."""
        self._ended.set()
        self._lost.set()


class _Alone:
    """The only process that a warm one forks; both end together."""

    def __init__(self, modules: Sequence[str], surroundings: Surroundings) -> None:
        self._server = _Server(modules, surroundings)
        self._forked = self._server.fork()
        self.job = self._forked.job
        self.answers = self._forked.answers
        self.output = self._forked.output

    def wait(self, seconds: float) -> None:
        """Wait until the process is gone, at most so long."""
        self._forked.wait(seconds)

    @property
    def exit_code(self) -> int | None:
        """That of the process, negative for a signal; None while it goes on, or if unknown."""
        return self._forked.exit_code

    def complaint(self) -> str:
        """What the warm process printed."""
        return self._forked.complaint()

    def kill(self) -> None:
        """End both, and whatever the process started."""
        self._server.kill()
