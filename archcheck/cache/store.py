"""Files that hold Networks: written whole, read with suspicion, thrown away when old.

One file a Network, sealed over its whole content, so that a truncated, foreign or forged one is
none. Libraries for caches on disk bring pickle or a database; neither is wanted here.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

import msgspec

from archcheck.cache.folder import ENTRY, UNFINISHED, find_folder, prepare
from archcheck.cache.signing_key import secret
from archcheck.network import Network, decode, encode
from archcheck.worker.dependencies.states import Dependencies, still_hold

MAGIC = b"archcheck cache 1\n"
SEAL = 32
LARGEST = 1 << 28
"""A file of more bytes than this is no entry."""
MOST_ENTRIES, MOST_BYTES, MOST_DAYS = 500, 1 << 28, 30
"""What is kept: so many, so large together, so long since they were last used."""
FORGOTTEN = 3600.0
"""Seconds after which an unfinished file has been left behind by a process that was killed."""


class Entry(msgspec.Struct, frozen=True):
    """A Network with all that was read for it; ``name`` says what it was asked for."""

    name: str
    reads: Dependencies
    network: bytes


class Store:
    """The entries of one folder. What goes wrong with the files is never the caller's matter."""

    def __init__(self, folder: Path, key: bytes) -> None:
        self._folder = folder
        self._key = key

    def may_hold(self, reference: str) -> bool:
        """Whether the entry last used for a reference still holds: the next may be it again."""
        try:
            with os.scandir(self._folder) as found:
                times = {
                    entry.name: entry.stat(follow_symlinks=False).st_mtime_ns
                    for entry in found
                    if entry.name.startswith(reference) and ENTRY.fullmatch(entry.name)
                }
        except OSError:
            return False
        entry = self._read(max(times, key=times.__getitem__)) if times else None
        return entry is not None and still_hold(entry.reads)

    def reads(self, reference: str, request: str) -> Dependencies | None:
        """What the Network for a request read; None if there is none, or something has changed."""
        entry = self._read(_name(reference, request))
        return entry.reads if entry is not None and still_hold(entry.reads) else None

    def get(self, reference: str, request: str) -> Network | None:
        """The Network for a request, if there is one and nothing of what it read has changed."""
        name = _name(reference, request)
        entry = self._read(name)
        if entry is None or not still_hold(entry.reads):
            return None
        try:
            network = decode(entry.network)
        except ValueError:  # msgspec's own error is one
            return None
        with contextlib.suppress(OSError):
            os.utime(self._folder / name)
        return network

    def put(self, reference: str, request: str, network: Network, reads: Dependencies) -> bool:
        """Keep a Network; False if that cannot be, or something changed in the meantime."""
        if not still_hold(reads):
            return False
        name = _name(reference, request)
        payload = msgspec.msgpack.encode(Entry(name, reads, encode(network)))
        try:
            prepare(self._folder)
            self._write(name, MAGIC + self._seal(payload) + payload)
        except OSError:
            return False
        with contextlib.suppress(OSError):
            self._prune()
        return True

    # -- files ------------------------------------------------------------------------------

    def _seal(self, payload: bytes) -> bytes:
        return blake2b(payload, key=self._key, digest_size=SEAL).digest()

    def _read(self, name: str) -> Entry | None:
        head = len(MAGIC) + SEAL
        try:
            data = _whole_file(self._folder / name)
        except OSError:
            return None
        payload = data[head:]
        if data[:head] != MAGIC + self._seal(payload):
            return None
        try:
            entry = msgspec.msgpack.decode(payload, type=Entry)
        except ValueError:
            return None
        return entry if entry.name == name else None

    def _write(self, name: str, data: bytes) -> None:
        import tempfile

        handle, temporary = tempfile.mkstemp(dir=self._folder, prefix=f".{name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(temporary).replace(self._folder / name)
        except BaseException:  # Ctrl-C included
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
            raise

    def _prune(self) -> None:
        now = time.time()
        kept, size = 0, 0
        for entry in sorted(self._files(), key=lambda entry: -entry.stat().st_mtime_ns):
            about = entry.stat(follow_symlinks=False)
            age = now - about.st_mtime
            if UNFINISHED.fullmatch(entry.name):
                if age > FORGOTTEN:
                    Path(entry).unlink(missing_ok=True)
                continue
            kept, size = kept + 1, size + about.st_size
            if kept > MOST_ENTRIES or size > MOST_BYTES or age > MOST_DAYS * 86_400:
                Path(entry).unlink(missing_ok=True)

    def _files(self) -> Iterator[os.DirEntry[str]]:
        with os.scandir(self._folder) as found:
            for entry in found:
                ours = ENTRY.fullmatch(entry.name) or UNFINISHED.fullmatch(entry.name)
                if ours and entry.is_file(follow_symlinks=False):
                    yield entry


def open_store(folder: Path | None = None) -> Store | None:
    """The cache in a folder, or the project's; None where there can be none.

    Raises:
        BadFolder: if the given folder is a file.
    """
    try:
        place = find_folder(folder)
    except OSError:
        return None
    key = secret()
    return Store(place, key) if key is not None else None


def _name(reference: str, request: str) -> str:
    return f"{reference}-{request}.network"


def _whole_file(path: Path) -> bytes:
    # Not to wait for ever should it be a pipe.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode) or about.st_size > LARGEST:
            raise OSError(f"{path} is no entry")
        return file.read()
