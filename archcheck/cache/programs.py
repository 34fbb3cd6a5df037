"""The programs that run, as part of a key: with others the results may differ."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

import archcheck

PACKAGE = Path(archcheck.__file__).parent
WHOLE = ("",)
_PREFIXES = ("PYTHON", "TORCH", "PYTORCH", "CUDA", "LD_")
"""Prefixes of the environment variables that decide which code runs, and on what."""


def programs(own: Sequence[str] = WHOLE) -> tuple[object, ...]:
    """What runs, and where; ``own`` are the files and folders of archcheck that matter.

    Raises:
        OSError: if the working directory is gone.
    """
    variables = {name: value for name, value in os.environ.items() if name.startswith(_PREFIXES)}
    return (
        archcheck.__version__,
        own_code(own),
        (sys.executable, sys.version, os.uname().machine),
        sys.path,
        sorted(variables.items()),
        os.getcwd(),
    )


def own_code(paths: Sequence[str]) -> list[tuple[str, int, int]]:
    """The files of archcheck at some paths, with size and time, without compiled modules.

    While archcheck is developed they change without its version.
    """
    return sorted(
        (file, status.st_size, status.st_mtime_ns)
        for path in paths
        for file, status in _files(str(PACKAGE / path))
    )


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
