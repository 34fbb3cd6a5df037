"""Networks that were traced before, one sealed file for each."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from archcheck.cache.folder import ENTRY
from archcheck.cache.keys import ReferenceKey
from archcheck.cache.places import Places, brought_here, moved_reads, places
from archcheck.cache.sealed import Entry, SealedFiles, open_files
from archcheck.cache.watch import watch
from archcheck.network import Network, decode, encode
from archcheck.worker.dependencies.states import Dependencies, still_hold, what_changed


class KeptNetwork(Entry, frozen=True):
    """A Network with all that was read for it; ``name`` has the reference and the request.

    Attributes:
        programs: the state of each program that traced it.
        places: the folders that its paths hang on, as they were.
    """

    reads: Dependencies
    network: bytes
    programs: dict[str, str] = {}
    places: Places = {}


class Store:
    """The Networks of one folder."""

    def __init__(self, files: SealedFiles) -> None:
        self.files = files

    def may_hold(self, key: ReferenceKey) -> bool:
        """Whether the entry last used for a reference is still valid: it is likely to be next."""
        names = self._names(key.reference)
        entry = self._read(names[0]) if names else None
        return entry is not None and entry.programs == key.programs and still_hold(entry.reads)

    def reads(self, key: ReferenceKey, request: str) -> Dependencies | None:
        """What the Network for a request read; None without one, or if something has changed."""
        entry = self._read(_name(key, request))
        return entry.reads if entry is not None and still_hold(entry.reads) else None

    def get(self, key: ReferenceKey, request: str) -> Network | None:
        """The Network for a request; None without one, or if something that it read has changed."""
        name = _name(key, request)
        entry = self._read(name)
        if entry is None or not still_hold(entry.reads):
            return None
        try:
            network = decode(entry.network)
        except ValueError:  # msgspec's own error is a subclass
            return None
        self.files.used(name)
        watch.add(entry.reads)
        return network

    def reason(self, key: ReferenceKey, request: str) -> str:
        """Why there is no Network for a request: what has changed, in a sentence."""
        name = _name(key, request)
        entry = self._read(name)
        if entry is not None:
            return what_changed(entry.reads) or "its entry is of another version"
        if self.files.is_foreign(name):
            return "its entry is damaged, or sealed with another key"
        names = self._names(key.reference)
        if not names:
            return "the cache has none of it"
        entry = next(filter(None, map(self._read, names)), None)
        if entry is None:
            return "its entry is damaged, or sealed with another key"
        others = {*entry.programs.items()} ^ {*key.programs.items()}
        if others:
            return f"{min(name for name, _ in others)} has changed"
        return "it was traced with other inputs or arguments"

    def put(self, key: ReferenceKey, request: str, network: Network, reads: Dependencies) -> bool:
        """Keep a Network; False if it cannot be kept, or something changed in the meantime."""
        if not still_hold(reads):
            return False
        name, programs = _name(key, request), dict(key.programs)
        entry = KeptNetwork(name, reads, encode(network), programs, places())
        if not self.files.write(entry):
            return False
        watch.add(reads)
        return True

    def _names(self, reference: str) -> list[str]:
        """The names of a reference's entries, the one last used first."""
        try:
            with os.scandir(self.files.folder) as entries:
                times = {
                    entry.name: entry.stat(follow_symlinks=False).st_mtime_ns
                    for entry in entries
                    if entry.name.startswith(reference) and ENTRY.fullmatch(entry.name)
                }
        except OSError:
            return []
        return sorted(times, key=times.__getitem__, reverse=True)

    def _read(self, name: str) -> KeptNetwork | None:
        """An entry, with its paths as they are here."""
        entry = self.files.read(name, KeptNetwork)
        here = places()
        if entry is None or not entry.places or entry.places == here:
            return entry
        try:
            network = brought_here(msgspec.msgpack.decode(entry.network), entry.places, here)
            return msgspec.structs.replace(
                entry,
                reads=moved_reads(entry.reads, entry.places, here),
                network=msgspec.msgpack.encode(network),
            )
        except (ValueError, KeyError):
            return None


def open_store(folder: Path | None = None) -> Store | None:
    """The cache in a folder, or the project's; None if none is possible.

    Raises:
        BadFolder: if ``folder`` is a file.
        BadKey: if the key in the environment is too short.
    """
    files = open_files(folder)
    return Store(files) if files is not None else None


def _name(key: ReferenceKey, request: str) -> str:
    return f"{key.reference}-{request}.network"
