"""What a run of a command came to, kept until something changes that was read for it.

It is kept by the process that printed it, when the networks' processes have ended.
"""

from __future__ import annotations

from typing import TypeVar

from archcheck.cache.programs import key_of
from archcheck.cache.sealed import Entry, SealedFiles
from archcheck.worker.dependencies.states import Dependencies, still_hold


class Run(Entry, frozen=True):
    """All that was read for a run: a part for this process, then one for each network."""

    reads: tuple[Dependencies, ...]


class Printed(Run, frozen=True):
    """What a run wrote to standard output, and its exit code."""

    text: str
    code: int


class MappedNetworks(Run, frozen=True):
    """The networks of a project: the files that each is made of and held to, and the file of the
    settings that say so. The parts of ``reads`` behind the first are the networks', in order."""

    settings: str
    files: tuple[tuple[str, ...], ...]


R = TypeVar("R", bound=Run)


def run_name(key: str, *subject: object) -> str:
    """The name of what a run came to: ``key`` says what was asked, ``subject`` of what."""
    return f"{key}-{key_of(ascii(subject))}.run"


def recall(files: SealedFiles, name: str, kind: type[R]) -> R | None:
    """What is kept under a name, if nothing has changed that was read for it."""
    run = files.read(name, kind)
    if run is None or not still_hold(*run.reads):
        return None
    files.used(name)
    return run


def keep(files: SealedFiles, run: Run) -> bool:
    """Keep a run; False if that cannot be, or something changed in the meantime."""
    try:
        return still_hold(*run.reads) and files.write(run)
    except ValueError:  # what was printed is no text
        return False
