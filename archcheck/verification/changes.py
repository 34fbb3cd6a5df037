"""Files that change while a network is checked: then what was checked is not what lies there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from archcheck.cache.watch import watch
from archcheck.network import Place
from archcheck.phrases import some_of
from archcheck.rules import Location
from archcheck.spec import Failure
from archcheck.verification.submission import Submission
from archcheck.worker.dependencies.states import (
    ABSENT,
    CLOSED,
    FOLDER,
    SPECIAL,
    Dependencies,
    content,
    is_installed,
)
from archcheck.worker.reference import SUFFIXES

MOST_NAMED = 3
"""The most files that a message names."""


class Watched:
    """The files of a submission as they are before any of its code runs."""

    def __init__(self, submission: Submission) -> None:
        self._folders = (os.getcwd(), str(Path(submission.reference.file).parent))
        script = submission.augmentation
        files = (submission.reference.file, submission.weights, script and script.file)
        with watch.paused():
            self._before = {os.path.abspath(f): content(os.path.abspath(f)) for f in files if f}

    def changed(self, reads: Dependencies | None) -> tuple[str, ...]:
        """The files that are no longer as they were, with those that the network read.

        Of those only Python files, and what lies beside the network or in the working directory,
        count: libraries write caches elsewhere.
        """
        states = {**dict(self._own(reads)), **self._before}
        with watch.paused():
            return tuple(file for file, state in states.items() if content(file) != state)

    def _own(self, reads: Dependencies | None) -> Iterator[tuple[str, str]]:
        for file, state in (reads.contents if reads is not None else {}).items():
            beside = any(Path(file).is_relative_to(folder) for folder in self._folders)
            own = beside or file.endswith(SUFFIXES)
            if own and not is_installed(file) and state not in (ABSENT, CLOSED, FOLDER, SPECIAL):
                yield file, state


def change_of(files: tuple[str, ...]) -> Failure:
    """The finding on files that have changed."""
    names = some_of([Path(file).name for file in files], MOST_NAMED)
    return Failure(
        "unchanged",
        f"{names} changed while the network was checked",
        tuple(Location(Place(file, 1), "") for file in files),
        "check it again; code that writes to the files that it is made of cannot be verified",
        required="files that stay as they are",
    )
