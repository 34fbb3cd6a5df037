"""One whole process and all that it starts: how long it takes, and how much memory."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple

import psutil

from benchmarks.ratios import Failed

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 600.0
"""A process that takes longer is ended."""
MOST_BYTES = 8e9
"""A process whose memory is measured is ended if it takes more, before memory runs out."""
PAUSE = 0.005
"""Seconds between two looks at the memory of a process tree."""
_UNIT = 1 if sys.platform == "darwin" else 1024


class Usage(NamedTuple):
    """What one run took.

    `memory` is the most that the process and all its descendants held at once: their resident
    sizes added up, looked at every 5 ms, and at least the peak of the largest one as the kernel
    accounts it (``ru_maxrss``). Pages that processes share are counted in each of them. It is
    None if it was not measured.
    """

    seconds: float
    memory: int | None


def run(
    command: Sequence[str], *, codes: Sequence[int] = (0,), threads: int = 0, memory: bool = False
) -> Usage:
    """Run a command in the repository's folder, its output kept only to say why it failed.

    Args:
        command: the program and its arguments.
        codes: the exit codes that it has to end with one of.
        threads: how many threads numerical libraries may use; 0 leaves it to them.
        memory: look at the memory of the whole tree meanwhile. Looking takes time from the
            program, so such a run's `seconds` are not for comparing.

    Raises:
        Failed: if it cannot start, ends otherwise, or takes too long or too much memory.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        try:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment(threads),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )
        except OSError as error:
            raise Failed(f"{command[0]}: {error.strerror}") from None
        late, large = threading.Event(), threading.Event()
        timer = threading.Timer(SECONDS, _end, (process.pid, late))
        timer.daemon = True
        timer.start()
        sizes = [0]
        if memory:
            watcher = threading.Thread(target=_watch, args=(process.pid, sizes, large), daemon=True)
            watcher.start()
        try:
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:  # Ctrl-C: nothing is left running
            _end(process.pid, late)
            raise
        finally:
            seconds = time.perf_counter() - started
            timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        if memory:
            watcher.join()
        if late.is_set():
            raise Failed(f"took longer than {SECONDS:g} seconds")
        if large.is_set():
            raise Failed(f"took more than {MOST_BYTES / 1e9:g} GB of memory")
        if process.returncode not in codes:
            why = reason(_text(errors), _text(output))
            raise Failed(f"exit code {process.returncode}: {why}")
    if not memory:
        return Usage(seconds, None)
    # A child begins with its parent's peak: a figure no larger than ours may be ours.
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    largest = used.ru_maxrss * _UNIT if used.ru_maxrss > own else 0
    return Usage(seconds, max(largest, sizes[0]))


def reason(errors: str, output: str) -> str:
    """Why a program failed: the end of its traceback, or archcheck's finding in its report."""
    if errors.strip():
        return errors.strip().splitlines()[-1].strip()
    findings = [line for line in output.splitlines() if line.startswith("✗ ")]
    return findings[0][2:] if findings else "it does not say why"


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")


def environment(threads: int) -> dict[str, str]:
    """The environment of what is measured: this one, without Python's and archcheck's switches."""
    switches = ("PYTHON", "ARCHCHECK_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(switches)}
    if threads:
        kept |= {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    return kept


def _end(leader: int, why: threading.Event) -> None:
    why.set()
    with suppress(psutil.Error):
        for child in psutil.Process(leader).children(recursive=True):
            with suppress(psutil.Error):
                child.kill()
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def _watch(leader: int, most: list[int], large: threading.Event) -> None:
    with suppress(psutil.Error):
        root = psutil.Process(leader)
        while root.status() != psutil.STATUS_ZOMBIE:
            total = 0
            for process in [root, *root.children(recursive=True)]:
                with suppress(psutil.Error):
                    total += process.memory_info().rss
            most[0] = max(most[0], total)
            if total > MOST_BYTES and not large.is_set():
                _end(leader, large)
            time.sleep(PAUSE)
