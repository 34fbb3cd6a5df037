"""The installed command, run in a process of its own."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

COMMAND = str(Path(sys.executable).with_name("archcheck"))
LIMIT = 300.0
"""Seconds after which a process hangs: far more than any takes on a machine under heavy load."""
_FORM = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TERM", "PYTHONIOENCODING", "LC_ALL")


def environment(**settings: str) -> dict[str, str]:
    """This process's environment without what decides on the form of output, plus ``settings``."""
    kept = {name: value for name, value in os.environ.items() if name not in _FORM}
    return {**kept, "PYTHONIOENCODING": "utf-8", **settings}


def run_program(
    words: Sequence[str], folder: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """How a program ends and what it prints."""
    return subprocess.run(
        words,
        cwd=folder,
        env=environment() if env is None else env,
        capture_output=True,
        encoding="utf-8",
        timeout=LIMIT,
    )


def run_command(folder: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """How ``archcheck`` ends and what it prints; ``settings`` are environment variables."""
    return run_program([COMMAND, *words], folder, environment(**settings))


def output_of(
    folder: Path, *words: str, code: int = 0, errors: str | None = "", **settings: str
) -> str:
    """What ``archcheck`` prints; ``errors`` is what it says on standard error (None: anything)."""
    done = run_command(folder, *words, **settings)
    assert errors is None or done.stderr == errors
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def output_in_terminal(folder: Path, *words: str, **settings: str) -> str:
    """What ``archcheck`` writes to a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [COMMAND, *words],
        cwd=folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment(**{"TERM": "xterm-256color", **settings}),
    ) as process:
        os.close(theirs)
        text = b""
        while select.select([ours], [], [], LIMIT)[0]:
            try:
                data = os.read(ours, 1 << 16)
            except OSError:  # the other end was closed
                break
            if not data:
                break
            text += data
        process.wait(LIMIT)
    os.close(ours)
    return text.decode().replace("\r\n", "\n")
