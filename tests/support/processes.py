"""Processes that tests wait for, and that have to be gone afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.support.commands import LIMIT


def wait_until(condition: Callable[[], object], limit: float = LIMIT) -> None:
    """Wait for a condition, even where a busy machine takes long to meet it."""
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.01)


def is_alive(process: int) -> bool:
    """Whether a process runs: one that has ended and is still listed does not."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def assert_gone(processes: Iterable[int]) -> None:
    """Wait until none of the processes runs any more: they are ended, and do not end by themselves
    for minutes."""
    wait_until(lambda: not any(map(is_alive, processes)), limit=60)


def children(process: int) -> list[int]:
    """The ids of the processes that a process started and that have not been waited for."""
    threads = Path(f"/proc/{process}/task").glob("*/children")
    return [int(number) for thread in threads for number in thread.read_text().split()]
