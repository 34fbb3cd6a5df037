"""The folder of the cache: finding, making and removing it."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from archcheck.worker.dependencies.states import CACHE_NAME

TAG = (
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This folder is a cache of archcheck. What it is for: https://bford.info/cachedir/\n"
)
MARKS = {"CACHEDIR.TAG": TAG, ".gitignore": "*\n"}
"""Files that mark a folder as a cache for other programs."""
_NAME = r"[0-9a-f]{32}-[0-9a-f]{32}\.(network|run)"
ENTRY = re.compile(_NAME)
UNFINISHED = re.compile(rf"\.{_NAME}\.[A-Za-z0-9_]+")


class BadFolder(Exception):
    """The path given as the cache's folder is not a folder."""


def find_folder(folder: Path | None = None) -> Path:
    """The cache's folder: ``folder``, else ``.archcheck_cache`` in the project's.

    The project is the nearest folder with a ``pyproject.toml``, from the working directory
    upward, else the working directory. The network's own folder does not matter: a submission
    must not choose the cache.

    Raises:
        BadFolder: if ``folder`` is a file.
        OSError: if the working directory is gone.
    """
    if folder is not None:
        if folder.exists() and not folder.is_dir():
            raise BadFolder(f"--cache-dir {folder} is not a folder")
        return folder.absolute()
    here = Path.cwd()
    project = next((f for f in (here, *here.parents) if (f / "pyproject.toml").is_file()), here)
    return project / CACHE_NAME


def prepare(folder: Path) -> None:
    """Make the folder and mark it as a cache, if it does not exist or is empty.

    Raises:
        OSError: if it cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with os.scandir(folder) as entries:
        if next(entries, None) is not None:
            return
    for name, text in MARKS.items():
        with contextlib.suppress(FileExistsError), (folder / name).open("x") as file:
            file.write(text)


def clean(folder: Path) -> tuple[int, int, list[str]]:
    """Remove what archcheck put into a folder, and the folder if nothing else is in it.

    Returns:
        How many networks were removed, how many bytes all removed entries had, and the names of
        what is left because it is not the cache's.

    Raises:
        OSError: if something cannot be removed.
    """
    networks, size, left = 0, 0, []
    if not folder.is_dir():
        return 0, 0, []
    marks = []
    for path in sorted(folder.iterdir()):
        status = path.lstat()
        is_file = path.is_file() and not path.is_symlink()
        if is_file and (ENTRY.fullmatch(path.name) or UNFINISHED.fullmatch(path.name)):
            path.unlink(missing_ok=True)
            networks += path.name.endswith(".network")
            size += status.st_size
        elif (
            is_file and path.name in MARKS and path.read_text(errors="replace") == MARKS[path.name]
        ):
            marks.append(path)
        else:
            left.append(path.name)
    if left:
        return networks, size, left
    for path in marks:
        path.unlink(missing_ok=True)
    if marks and not folder.is_symlink():
        folder.rmdir()
    return networks, size, left
