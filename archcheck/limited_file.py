"""Reading files that may be anything, without taking more memory than their content may need."""

from __future__ import annotations

import errno
import os
from pathlib import Path

_CHUNK = 1 << 20


def read_at_most(path: str | Path, most: int) -> bytes:
    """The content of a file of at most ``most`` bytes; pipes and devices are read, too.

    Raises:
        OSError: if it cannot be read; with ``errno.EFBIG`` if there is more.
    """
    with open(path, "rb") as file:  # noqa: PTH123
        size = os.fstat(file.fileno()).st_size
        content = bytearray()
        while size <= most and len(content) <= most:
            chunk = file.read(_CHUNK)
            if not chunk:
                return bytes(content)
            content += chunk
    raise OSError(errno.EFBIG, f"it has more than {most:,} bytes", str(path))
