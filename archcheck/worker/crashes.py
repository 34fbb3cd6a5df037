"""What Python writes when a process crashes: the lines that were running."""

from __future__ import annotations

import faulthandler
import os
import re

from archcheck.network import Place
from archcheck.worker.faults import Fault, Spot, fault_in
from archcheck.worker.scripts import placed

_HEAD = "Fatal Python error: "
_THREAD = re.compile(r"^(?:Current thread|Thread|Stack) .*\(most recent.*\):$", re.MULTILINE)

_LINE = re.compile(r'^  File "(.*)", line (\d+) in (.*)$', re.MULTILINE)


def write_crashes() -> None:
    """From now on a crash of this process writes the lines that were running to its output."""
    faulthandler.enable(os.dup(2))  # of its own: the network may redirect the output


def crash_in(output: str) -> tuple[str, Fault]:
    """What a process printed before it crashed, and where it crashed."""
    before, head, crash = output.rpartition(_HEAD)
    if not head:
        return output, Fault()
    threads = [_spots(lines) for lines in _THREAD.split(crash)[1:]]
    faults = [fault for fault in map(fault_in, threads) if fault.place is not None]
    return before.strip(), faults[0] if faults else Fault()


def _spots(lines: str) -> list[Spot]:
    """The lines of a thread, the outermost one first."""
    found = [
        Spot(placed(Place(file, int(line))), name) for file, line, name in _LINE.findall(lines)
    ]
    return found[::-1]
