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
