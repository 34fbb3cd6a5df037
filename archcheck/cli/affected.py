"""Whether a list of files has to do with a network, by what the network is made of."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from archcheck.worker.dependencies.states import Dependencies, has_a_say, is_installed


class Files:
    """Files and folders as they were named, and which of them nothing has to do with.

    They need not be there: a file that is gone had its say, too.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = {name: _spellings(name) for name in names if name}
        self._folders = {name for name in names if os.path.isdir(name)}
        self._matched: set[str] = set()

    def unmapped(self) -> list[str]:
        """Those that no question was answered with so far."""
        return [name for name in self._names if name not in self._matched]

    def hold(self, paths: Iterable[str]) -> bool:
        """Whether one of some files is among them."""
        wanted = {spelling for path in paths for spelling in _spellings(path)}
        return self._note(
            name
            for name, own in self._names.items()
            if own & wanted or (name in self._folders and _inside(own, wanted))
        )

    def have_a_say(self, reads: Dependencies) -> bool:
        """Whether one of them was read for a network."""
        local = [path for path in (*reads.contents, *reads.presences) if not is_installed(path)]
        held = self.hold(local)
        return (
            self._note(
                name
                for name, own in self._names.items()
                if any(has_a_say(reads, path) for path in own)
            )
            or held
        )

    def _note(self, names: Iterable[str]) -> bool:
        found = set(names)
        self._matched |= found
        return bool(found)


class Concern(Enum):
    """What files have to do with a network: nothing, something, or what nobody knows."""

    none = "none"
    some = "some"
    unknown = "unknown"


@dataclass(frozen=True)
class Sources:
    """What a network is made of: its own file, its weights, its training script and its specs, and
    what was read when it was loaded. The latter is not known (None) of a network that was never
    traced, or has changed since."""

    files: tuple[str, ...]
    reads: Dependencies | None


def concern(files: Files, sources: Sources) -> Concern:
    """Whether a network has to be judged because of some files: they are among its sources."""
    held = files.hold(sources.files)
    if sources.reads is None:
        return Concern.some if held else Concern.unknown
    return Concern.some if files.have_a_say(sources.reads) or held else Concern.none


def _spellings(path: str) -> frozenset[str]:
    """A path as it is written and where its links lead."""
    return frozenset({os.path.abspath(path), os.path.realpath(path)})


def _inside(folders: Iterable[str], paths: Iterable[str]) -> bool:
    starts = tuple(folder.rstrip(os.sep) + os.sep for folder in folders)
    return any(path.startswith(starts) for path in paths)
