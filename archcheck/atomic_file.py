"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_beside(target: Path, data: bytes) -> Iterator[Path]:
    """A temporary file in the folder of ``target`` that holds ``data``, for the user alone.

    It is removed in the end unless it was moved to its place.

    Raises:
        OSError: if it cannot be written.
    """
    import tempfile  # with it comes much that most runs do without

    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        yield temporary
    finally:  # Ctrl-C included
        temporary.unlink(missing_ok=True)


def write_whole(file: Path, data: bytes) -> None:
    """Write a file whole or not at all. Links are followed; its permissions stay, and those of a
    new file are the usual ones.

    Raises:
        OSError: if it cannot be written.
    """
    target = file.resolve()
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask()
    with written_beside(target, data) as temporary:
        temporary.chmod(mode)
        temporary.replace(target)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
