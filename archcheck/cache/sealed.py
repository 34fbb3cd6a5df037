"""Files that are written whole, verified when read, and removed when old.

Each carries a seal over its whole content, so that truncated, foreign or forged ones are ignored.
Libraries for caches on disk bring pickle or a database; this needs neither.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import TypeVar

import msgspec

from archcheck.atomic_file import written_beside
from archcheck.cache.folder import ENTRY, UNFINISHED, find_folder, prepare
from archcheck.cache.signing_key import secret

MAGIC = b"archcheck cache 1\n"
SEAL_BYTES = 32
MOST_ENTRY_BYTES = 1 << 28
"""Larger files are ignored."""
MOST_ENTRIES, MOST_BYTES, MOST_DAYS = 500, 1 << 28, 30
"""Limits on what is kept: the number, the total size, and the days since the last use."""
FORGOTTEN_SECONDS = 3600.0
"""The age at which an unfinished file was left behind by a process that was killed."""


class Entry(msgspec.Struct, frozen=True):
    """The content of a file; ``name`` is the file's, so that none can be passed off as another."""

    name: str


E = TypeVar("E", bound=Entry)


class SealedFiles:
    """The entries of one folder. Errors of the file system never reach the caller."""

    def __init__(self, folder: Path, key: bytes) -> None:
        self.folder = folder
        self._key = key

    def read(self, name: str, kind: type[E]) -> E | None:
        """An entry as it was written; None if there is none with a valid seal."""
        payload = self._payload(name)
        if payload is None:
            return None
        try:
            entry = msgspec.msgpack.decode(payload, type=kind)
        except ValueError:
            return None
        return entry if entry.name == name else None

    def is_foreign(self, name: str) -> bool:
        """Whether there is an entry whose seal is not valid: one of another key, or damaged."""
        return os.path.lexists(self.folder / name) and self._payload(name) is None

    def _payload(self, name: str) -> bytes | None:
        head = len(MAGIC) + SEAL_BYTES
        try:
            data = _whole_file(self.folder / name)
        except OSError:
            return None
        payload = data[head:]
        return payload if data[:head] == MAGIC + self.seal(payload) else None

    def write(self, entry: Entry) -> bool:
        """Keep an entry; False if it cannot be written."""
        payload = msgspec.msgpack.encode(entry)
        target = self.folder / entry.name
        try:
            prepare(self.folder)
            with written_beside(target, MAGIC + self.seal(payload) + payload) as temporary:
                temporary.replace(target)
        except OSError:
            return False
        with contextlib.suppress(OSError):
            self._prune()
        return True

    def used(self, name: str) -> None:
        """Note that an entry was used just now."""
        with contextlib.suppress(OSError):
            os.utime(self.folder / name)

    def seal(self, payload: bytes) -> bytes:
        """The seal of a payload by the user's key."""
        return blake2b(payload, key=self._key, digest_size=SEAL_BYTES).digest()

    def _prune(self) -> None:
        now = time.time()
        kept, size = 0, 0
        for entry in sorted(self._files(), key=lambda entry: -entry.stat().st_mtime_ns):
            status = entry.stat(follow_symlinks=False)
            age = now - status.st_mtime
            if UNFINISHED.fullmatch(entry.name):
                if age > FORGOTTEN_SECONDS:
                    Path(entry).unlink(missing_ok=True)
                continue
            kept, size = kept + 1, size + status.st_size
            if kept > MOST_ENTRIES or size > MOST_BYTES or age > MOST_DAYS * 86_400:
                Path(entry).unlink(missing_ok=True)

    def _files(self) -> Iterator[os.DirEntry[str]]:
        with os.scandir(self.folder) as entries:
            for entry in entries:
                ours = ENTRY.fullmatch(entry.name) or UNFINISHED.fullmatch(entry.name)
                if ours and entry.is_file(follow_symlinks=False):
                    yield entry


def open_files(folder: Path | None = None) -> SealedFiles | None:
    """The files of the cache in a folder, or the project's; None if none is possible.

    Raises:
        BadFolder: if ``folder`` is a file.
        BadKey: if the key in the environment is too short.
    """
    try:
        place = find_folder(folder)
    except OSError:
        return None
    key = secret()
    return SealedFiles(place, key) if key is not None else None


def _whole_file(path: Path) -> bytes:
    # O_NONBLOCK: opening a pipe would wait forever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_size > MOST_ENTRY_BYTES:
            raise OSError(f"{path} is no entry")
        return file.read()
