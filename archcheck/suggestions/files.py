"""Edits as unified diffs, and written into their files."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path

from archcheck.atomic_file import write_whole
from archcheck.errors import FileError
from archcheck.suggestions.sources import Source
from archcheck.worker.reference import near


def difference(source: Source, content: bytes, context: int = 3) -> str:
    """An edit of a file as a unified diff. The line of the file keeps its own end."""
    name = near(source.file).replace(os.sep, "/")
    lines = difflib.unified_diff(
        source.lines_of(source.content),
        source.lines_of(content),
        f"a/{name}" if not name.startswith("/") else name,
        f"b/{name}" if not name.startswith("/") else name,
        n=context,
    )
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def write(read: Mapping[str, bytes], contents: Mapping[str, bytes]) -> None:
    """Write files whole, each in place of what was read.

    Raises:
        FileError: if a file holds something else by now, or cannot be written. Nothing is written
            where that is known before.
    """
    for file in contents:
        if _content(file) != read[file]:
            raise FileError("it has changed since it was read; nothing is written", file=near(file))
    for file, content in contents.items():
        try:
            write_whole(Path(file), content)
        except OSError as error:
            raise FileError(
                f"it cannot be written: {error.strerror or error}", file=near(file)
            ) from None


def _content(file: str) -> bytes | None:
    try:
        return Path(file).read_bytes()
    except OSError:
        return None
