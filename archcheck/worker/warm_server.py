"""The warm process: it imports torch once, and forks for every job.

It reports on a socket which processes it forked and how they ended. One that has ended is kept as a
zombie until the caller releases it, so that its pid and its group's are not reused.

Between this process and a job's stands another one, which does nothing but wait for it: code that
kills its parent kills that one. What a job leaves behind becomes this process's own child, wherever
it tried to hide, and is killed when the job is released.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from archcheck.worker.child import adopt_orphans, die_with_parent, do_one_job, prepare
from archcheck.worker.warm_protocol import ENDED, FORK, RELEASED, REPLY, REQUEST, STARTED

HIGHEST_DESCRIPTOR = 1024
"""File descriptors are below that: few are open when a job begins."""
CLEARING_SECONDS = 5.0
"""The time in which all that jobs have left behind is killed: some may multiply meanwhile."""


def main(arguments: Sequence[str]) -> None:
    """Serve the caller at the other end of a socket until it closes it.

    ``arguments`` are the socket's file descriptor and the modules that hold what jobs need.
    """
    descriptor, *modules = arguments
    die_with_parent()
    gc.disable()
    failure = ""
    try:
        prepare(modules)
    except BaseException:  # each job prints it
        failure = traceback.format_exc()
    gc.freeze()  # pages that the collector would write to stay shared
    adopt_orphans()
    _WarmServer(socket.socket(fileno=int(descriptor)), failure).serve()


class _WarmServer:
    def __init__(self, caller: socket.socket, failure: str) -> None:
        self._caller = caller
        self._failure = failure
        self._running: set[int] = set()
        self._ended: set[int] = set()
        self._wakes, self._woken = os.pipe()
        for end in (self._wakes, self._woken):
            os.set_blocking(end, False)

    def serve(self) -> NoReturn:
        """Answer the caller's requests until it closes the socket."""
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.signal(signal.SIGTERM, lambda number, frame: self._end())
        die_with_parent(signal.SIGTERM)  # by now there is something to clear away
        signal.set_wakeup_fd(self._woken, warn_on_full_buffer=False)
        while True:
            sources: list[socket.socket | int] = [self._caller, self._wakes]
            ready, _, _ = select.select(sources, [], [])
            if self._wakes in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wakes, 4096)
                self._notice_ends()
            if self._caller in ready:
                self._answer()

    def _answer(self) -> None:
        request, descriptors, _, _ = socket.recv_fds(self._caller, REQUEST.size, 3)
        if not request:
            self._end()
        what, pid = REQUEST.unpack(request)
        if what == FORK:
            self._fork(descriptors)
        elif pid in self._running | self._ended:
            self._release(pid)
            self._clear_away()
            self._report(RELEASED, pid)

    def _end(self) -> NoReturn:
        for pid in self._running | self._ended:
            self._release(pid)
        self._clear_away()
        os._exit(0)

    def _release(self, pid: int) -> None:
        self._kill(pid)
        os.waitpid(pid, 0)
        self._running.discard(pid)
        self._ended.discard(pid)

    def _clear_away(self) -> None:
        """Kill what jobs have left behind. With each process its own children come here."""
        until = time.monotonic() + CLEARING_SECONDS
        while time.monotonic() < until:
            orphans = children() - self._running - self._ended
            if not orphans:
                return
            for pid in orphans:
                self._kill(pid)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, 0)

    def _fork(self, descriptors: list[int]) -> None:
        server = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._become_worker(server, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        self._running.add(pid)
        self._report(STARTED, pid)

    def _become_worker(self, server: int, descriptors: list[int]) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)
            self._caller.close()
            os.close(self._wakes)
            os.close(self._woken)
            os.setsid()
            job, answers, output = descriptors
            os.dup2(job, 0)
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.close(job)
            os.close(output)
            die_with_parent()
            if os.getppid() != server:
                os._exit(1)
            self._stand_between()
            if self._failure:
                sys.stderr.write(self._failure)
                sys.stderr.flush()
                os._exit(1)
            importlib.invalidate_caches()
            do_one_job(os.fdopen(answers, "wb", buffering=0), os.getppid())
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)

    @staticmethod
    def _stand_between() -> None:
        """Fork the job's process, and end as it does."""
        guard = os.getpid()
        pid = os.fork()
        if pid == 0:
            die_with_parent()
            if os.getppid() != guard:
                os._exit(1)
            return
        os.closerange(0, HIGHEST_DESCRIPTOR)  # the ends of pipes are the job's alone
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        if code < 0:
            with contextlib.suppress(OSError):
                signal.signal(-code, signal.SIG_DFL)
            os.kill(guard, -code)
        os._exit(code)

    def _notice_ends(self) -> None:
        for pid in sorted(self._running):
            how = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if how is not None:
                self._running.discard(pid)
                self._ended.add(pid)
                by_itself = how.si_code == os.CLD_EXITED
                self._report(ENDED, pid, how.si_status if by_itself else -how.si_status)

    @staticmethod
    def _kill(pid: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def _report(self, what: int, pid: int, code: int = 0) -> None:
        with contextlib.suppress(OSError):  # a closed socket is noticed when it is read
            self._caller.send(REPLY.pack(what, pid, code))


def children() -> set[int]:
    """The children of this process (Linux)."""
    with os.scandir("/proc") as entries:
        pids = [int(entry.name) for entry in entries if entry.name.isdecimal()]
    me = os.getpid()
    return {pid for pid in pids if _parent(pid) == me}


def _parent(pid: int) -> int | None:
    try:
        status = Path(f"/proc/{pid}/stat").read_bytes()
        # The name in brackets may hold anything; behind it come the state and the parent.
        return int(status.rpartition(b")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return None  # it has ended meanwhile
