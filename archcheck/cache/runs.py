"""The results of runs of commands, kept until something that they read changes.

The process that printed a result keeps it, after the networks' processes have ended.
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
    """The networks of a project.

    Attributes:
        settings: the file of the settings that list the networks.
        files: the files that each network is made of and held to. The parts of ``reads`` after
            the first are the networks', in the same order.
    """

    settings: str
    files: tuple[tuple[str, ...], ...]


R = TypeVar("R", bound=Run)


def run_name(key: str, *subject: object) -> str:
    """The name of a run's entry: ``key`` is that of the command, ``subject`` what it is about."""
    return f"{key}-{key_of(ascii(subject))}.run"


def recall(files: SealedFiles, name: str, kind: type[R]) -> R | None:
    """The entry of a name, if nothing that was read for it has changed."""
    run = files.read(name, kind)
    if run is None or not still_hold(*run.reads):
        return None
    files.used(name)
    return run


def keep(files: SealedFiles, run: Run) -> bool:
    """Keep a run; False if it cannot be kept, or something changed in the meantime."""
    try:
        return still_hold(*run.reads) and files.write(run)
    except ValueError:  # the printed text is not UTF-8
        return False
