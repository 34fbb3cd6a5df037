"""The working directory of a file that opens others by where they lie from its own folder.

People run a file in its folder, or in the one of their project. What is found in the working
directory is left as it is.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from archcheck.network import Remark
from archcheck.worker.import_roots import folders_around
from archcheck.worker.reference import near
from archcheck.worker.source_locations import caller

_OPENS = frozenset({"open", "os.listdir", "os.scandir"})
"""The events of Python that come before a file or a folder is opened, with its path."""

_folders: list[Path] = []
"""The folders in which a file may be that is not in the working directory."""
_notes: list[Remark] = []


def working_folder_notes() -> list[Remark]:
    """A note on every change of the working directory."""
    return list(_notes)


def follow_files() -> None:
    """From now on this process enters the folder in which a file lies that is not found.

    It cannot be undone, so that only workers do so; nothing happens outside of
    :func:`files_from_around`.
    """
    sys.addaudithook(_hear)
    look = os.stat

    @functools.wraps(look)
    def stat(path: Any, *args: Any, **kwargs: Any) -> os.stat_result:
        if _folders and not kwargs.get("dir_fd"):
            _seek(path)
        return look(path, *args, **kwargs)

    for capability in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
        if look in capability:
            capability.add(stat)
    os.stat = stat


@contextmanager
def files_from_around(file: Path) -> Iterator[None]:
    """While this is entered, files that are not found are looked for around this one."""
    before = list(_folders)
    _folders[:] = [file.parent, *folders_around(file)] if file.name else []
    _notes.clear()
    try:
        yield
    finally:
        _folders[:] = before


def _hear(event: str, args: tuple[Any, ...]) -> None:
    if event in _OPENS and _folders and not _writes(event, args):
        _seek(args[0])


def _writes(event: str, args: tuple[Any, ...]) -> bool:
    return event == "open" and bool((args[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


def _seek(path: Any) -> None:
    """Enter the first folder around the file in which a relative path leads somewhere."""
    name = os.fspath(path) if isinstance(path, (str, os.PathLike)) else ""
    if not isinstance(name, str) or not name or name.startswith(os.sep) or "\0" in name:
        return
    if os.path.lexists(os.path.abspath(name)):
        return
    folder = next((each for each in _folders if os.path.lexists(each / name)), None)
    if folder is not None:
        text = f"{name} is not in the working directory, but in {near(str(folder))}"
        _notes.append(Remark(f"{text}: the network is run there", caller()))
        os.chdir(folder)
