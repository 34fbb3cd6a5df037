"""Whether a network is affected by a list of files: whether it is built from one of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from archcheck.phrases import some_of
from archcheck.worker.dependencies.states import Dependencies, depends_on, is_installed

MOST_NAMED = 5
"""The most files that a message names."""


class Files:
    """Files and folders as they were named, and which of them affect no network.

    They need not exist: a deleted file affects the networks that read it.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = {name: _spellings(name) for name in names if name}
        self._folders = {name for name in names if os.path.isdir(name)}
        self._matched: set[str] = set()
        self.uncertain = False
        """Whether it was asked of a network of which it is not known what it reads."""

    def missing(self) -> str:
        """Those that have affected nothing so far, and are not there."""
        return some_of([n for n in self._unrelated() if not os.path.lexists(n)], MOST_NAMED)

    def remark(self) -> str:
        """A line on those that affect no network; empty without any, and where it is not known."""
        names = self._unrelated()
        if not names or self.uncertain:
            return ""
        return f"no network depends on {some_of(names, MOST_NAMED)}\n"

    def _unrelated(self) -> list[str]:
        return [name for name in self._names if name not in self._matched]

    def hold(self, paths: Iterable[str]) -> bool:
        """Whether one of the given paths is among them."""
        spellings = {spelling for path in paths for spelling in _spellings(path)}
        return self._note(
            name
            for name, own in self._names.items()
            if own & spellings or (name in self._folders and _inside(own, spellings))
        )

    def were_read(self, reads: Dependencies) -> bool:
        """Whether one of them was read for a network."""
        local = [path for path in (*reads.contents, *reads.presences) if not is_installed(path)]
        held = self.hold(local)
        return (
            self._note(
                name
                for name, own in self._names.items()
                if any(depends_on(reads, path) for path in own)
            )
            or held
        )

    def _note(self, names: Iterable[str]) -> bool:
        matched = set(names)
        self._matched |= matched
        return bool(matched)


class Affected(Enum):
    """Whether files affect a network; unknown where what the network reads is not known."""

    no = "no"
    yes = "yes"
    unknown = "unknown"


@dataclass(frozen=True)
class Sources:
    """What a network is made of.

    Attributes:
        files: its own file, its weights, its training script and its specs.
        reads: what was read when it was traced; None if it never was, or has changed since.
    """

    files: tuple[str, ...]
    reads: Dependencies | None


def affected(files: Files, sources: Sources) -> Affected:
    """Whether files are among the sources of a network, so that it has to be verified again."""
    held = files.hold(sources.files)
    if sources.reads is None:
        files.uncertain = True
        return Affected.yes if held else Affected.unknown
    return Affected.yes if files.were_read(sources.reads) or held else Affected.no


def _spellings(path: str) -> frozenset[str]:
    """A path as it is written and where its links lead."""
    return frozenset({os.path.abspath(path), os.path.realpath(path)})


def _inside(folders: Iterable[str], paths: Iterable[str]) -> bool:
    starts = tuple(folder.rstrip(os.sep) + os.sep for folder in folders)
    return any(path.startswith(starts) for path in paths)
