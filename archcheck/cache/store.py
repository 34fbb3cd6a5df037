"""Networks that were traced before, one sealed file for each."""

from __future__ import annotations

import os
from pathlib import Path

from archcheck.cache.folder import ENTRY
from archcheck.cache.sealed import Entry, SealedFiles, open_files
from archcheck.cache.watch import watch
from archcheck.network import Network, decode, encode
from archcheck.worker.dependencies.states import Dependencies, still_hold


class KeptNetwork(Entry, frozen=True):
    """A Network with all that was read for it; ``name`` has the reference and the request."""

    reads: Dependencies
    network: bytes


class Store:
    """The Networks of one folder."""

    def __init__(self, files: SealedFiles) -> None:
        self.files = files

    def may_hold(self, reference: str) -> bool:
        """Whether the entry last used for a reference is still valid: it is likely to be next."""
        try:
            with os.scandir(self.files.folder) as entries:
                times = {
                    entry.name: entry.stat(follow_symlinks=False).st_mtime_ns
                    for entry in entries
                    if entry.name.startswith(reference) and ENTRY.fullmatch(entry.name)
                }
        except OSError:
            return False
        entry = self._read(max(times, key=times.__getitem__)) if times else None
        return entry is not None and still_hold(entry.reads)

    def reads(self, reference: str, request: str) -> Dependencies | None:
        """What the Network for a request read; None without one, or if something has changed."""
        entry = self._read(_name(reference, request))
        return entry.reads if entry is not None and still_hold(entry.reads) else None

    def get(self, reference: str, request: str) -> Network | None:
        """The Network for a request; None without one, or if something that it read has changed."""
        name = _name(reference, request)
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

    def put(self, reference: str, request: str, network: Network, reads: Dependencies) -> bool:
        """Keep a Network; False if it cannot be kept, or something changed in the meantime."""
        if not still_hold(reads):
            return False
        if not self.files.write(KeptNetwork(_name(reference, request), reads, encode(network))):
            return False
        watch.add(reads)
        return True

    def _read(self, name: str) -> KeptNetwork | None:
        return self.files.read(name, KeptNetwork)


def open_store(folder: Path | None = None) -> Store | None:
    """The cache in a folder, or the project's; None if none is possible.

    Raises:
        BadFolder: if ``folder`` is a file.
    """
    files = open_files(folder)
    return Store(files) if files is not None else None


def _name(reference: str, request: str) -> str:
    return f"{reference}-{request}.network"
