"""The files of a folder that may hold its network: Python, and notebooks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from archcheck.phrases import by_name
from archcheck.worker.failures import InputError
from archcheck.worker.reference import (
    SUFFIXES,
    Load,
    Reference,
    dotted,
    file_and_name,
    is_utf8,
    near,
)

SKIPPED = frozenset(
    """__pycache__ build dist env extern external node_modules site-packages test tests third_party
    thirdparty vendor vendored venv""".split()
)
"""The names of folders that hold no network of the author's."""
ENVIRONMENT = ("pyvenv.cfg", "conda-meta")
"""What a folder has in it that is an environment of Python."""
MOST_FILES = 500
"""The most files that are looked at."""


def folder_reference(text: str, load: Load = "") -> Reference | None:
    """A reference to a folder, ``FOLDER`` or ``FOLDER:Name``; None if the text names no folder."""
    for path, name in ((text, ""), file_and_name(text)):
        if path and os.path.isdir(path):
            return Reference(os.path.abspath(path), "", name, load)
    return None


def is_folder(reference: Reference) -> bool:
    """Whether a reference is to a folder."""
    return bool(reference.file) and os.path.isdir(reference.file)


def python_files(folder: Path) -> list[Path]:
    """The files of a folder that may hold its network, those of its own first, in natural order.

    Folders of tests, of other people's code and hidden ones are left out, and links to folders are
    not followed.

    Raises:
        InputError: if the folder cannot be read, holds more than :data:`MOST_FILES`, or one whose
            name is not UTF-8.
    """
    found = []
    for file in _walk(folder):
        found.append(file)
        if not is_utf8(str(file)):
            raise InputError(
                f"{near(str(file))}: its name is not UTF-8; rename it", says_where=True
            )
        if len(found) > MOST_FILES:
            raise InputError(
                f"{near(str(folder))} holds more than {MOST_FILES} files of Python; name "
                "the network's",
                says_where=True,
            )
    return found


def _walk(folder: Path) -> Iterator[Path]:
    try:
        with os.scandir(folder) as listed:
            entries = sorted(listed, key=lambda entry: by_name(entry.name))
    except OSError as error:
        raise InputError(
            f"{near(str(folder))} cannot be read: {error.strerror}", says_where=True
        ) from None
    names = [entry.name for entry in entries]
    if any(name in names for name in ENVIRONMENT):
        return
    for entry in entries:
        file = folder / entry.name
        if entry.name.endswith(SUFFIXES) and not entry.name.startswith(".") and file.is_file():
            yield file
    for entry in entries:
        hidden = entry.name.startswith(".") or entry.name.lower() in SKIPPED
        if not hidden and entry.is_dir(follow_symlinks=False):
            yield from _walk(folder / entry.name)


def named_file(folder: Path, text: str) -> tuple[Path | None, str]:
    """The two parts of what a spec calls the network of a folder: ``Net``, ``net.py`` or
    ``src/net.py:Net``. Without a file None, without a name empty.

    Raises:
        InputError: if there is no such file.
    """
    head, name = file_and_name(text)
    if dotted(text) and not text.endswith(SUFFIXES):
        head, name = "", text
    if not head:
        return None, name
    file = folder / head
    if not file.is_file():
        raise InputError(
            f"{near(str(folder))} holds no file {head}, which the spec names as its network's",
            says_where=True,
        )
    return file, name
