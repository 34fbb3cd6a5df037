"""The programs that run, as part of a key: with others the results may differ."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

import archcheck
from archcheck.project import project_root

PACKAGE = Path(archcheck.__file__).parent
_PREFIXES = ("PYTHON", "TORCH", "PYTORCH", "CUDA", "LD_")
"""Prefixes of the environment variables that decide which code runs, and on what."""


def programs() -> tuple[object, ...]:
    """What runs, and where: the same only in this place, with this installation of archcheck.

    While archcheck is developed its files change without its version.

    Raises:
        OSError: if the working directory is gone.
    """
    own = sorted((f, status.st_size, status.st_mtime_ns) for f, status in _files(str(PACKAGE)))
    return (
        (archcheck.__version__, own),
        (sys.executable, python()),
        sys.path,
        decisive_variables(),
        (os.getcwd(), str(project_root())),
    )


def python() -> tuple[str, str]:
    """The interpreter and the machine's kind."""
    return sys.version, os.uname().machine


def decisive_variables() -> list[tuple[str, str]]:
    """The environment variables that decide which code runs, with their values."""
    return sorted(item for item in os.environ.items() if item[0].startswith(_PREFIXES))


def own_files(paths: Sequence[str]) -> list[str]:
    """The files of archcheck at some paths, without compiled modules."""
    return sorted(file for path in paths for file, _ in _files(str(PACKAGE / path)))


@lru_cache(maxsize=4)
def own_content(paths: tuple[str, ...]) -> str:
    """The fingerprint of archcheck's files at some paths: their names and contents."""
    whole = blake2b(digest_size=16)
    for file in own_files(paths):
        content = Path(file).read_bytes()
        name = file.removeprefix(str(PACKAGE))
        whole.update(f"{name}\0{len(content)}\0".encode())
        whole.update(content)
    return whole.hexdigest()


def key_of(*parts: Any) -> str:
    """The key of some data.

    Raises:
        TypeError, ValueError, OverflowError: if they cannot be serialised.
    """
    return blake2b(msgspec.msgpack.encode(parts), digest_size=16).hexdigest()


def _files(path: str) -> Iterator[tuple[str, os.stat_result]]:
    if path.endswith(".py"):
        yield path, os.stat(path)  # noqa: PTH116
        return
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _files(entry.path)
            elif not entry.name.endswith(".pyc"):
                yield entry.path, entry.stat()
