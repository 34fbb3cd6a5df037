"""The warm process: it imports torch once, and forks for every job.

It reports on a socket which processes it forked and how they ended. One that has ended is kept as a
zombie until the caller releases it, so that its pid and its group's are not reused.
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
import traceback
from collections.abc import Sequence
from typing import NoReturn

from archcheck.worker.child import die_with_parent, do_one_job, prepare
from archcheck.worker.warm_protocol import ENDED, FORK, RELEASED, REPLY, REQUEST, STARTED


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
            for pid in self._running | self._ended:
                self._kill(pid)
            os._exit(0)
        what, pid = REQUEST.unpack(request)
        if what == FORK:
            self._fork(descriptors)
        elif pid in self._running | self._ended:
            self._kill(pid)
            os.waitpid(pid, 0)
            self._running.discard(pid)
            self._ended.discard(pid)
            self._report(RELEASED, pid)

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
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
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
            if self._failure:
                sys.stderr.write(self._failure)
                sys.stderr.flush()
                os._exit(1)
            importlib.invalidate_caches()
            do_one_job(os.fdopen(answers, "wb", buffering=0), server)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)

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
