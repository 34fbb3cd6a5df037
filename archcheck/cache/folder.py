"""Where the cache lies, and taking it away."""

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
"""What tells other programs that a folder is a cache."""
_NAME = r"[0-9a-f]{32}-[0-9a-f]{32}\.(network|run)"
ENTRY = re.compile(_NAME)
UNFINISHED = re.compile(rf"\.{_NAME}\.[A-Za-z0-9_]+")


class BadFolder(Exception):
    """What is named as the cache's folder is none."""


def find_folder(given: Path | None = None) -> Path:
    """The cache's folder: the given one, else ``.archcheck_cache`` in the project's.

    The project is the nearest folder with a ``pyproject.toml``, from the working directory
    upward, else the working directory. Where the network lies does not matter: who submits one
    does not choose the cache.

    Raises:
        BadFolder: if the given one is a file.
        OSError: if the working directory is gone.
    """
    if given is not None:
        if given.exists() and not given.is_dir():
            raise BadFolder(f"--cache-dir {given} is not a folder")
        return given.absolute()
    here = Path.cwd()
    project = next((f for f in (here, *here.parents) if (f / "pyproject.toml").is_file()), here)
    return project / CACHE_NAME


def prepare(folder: Path) -> None:
    """Make the folder and mark it as a cache, if it is not there or holds nothing.

    Raises:
        OSError: if it cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with os.scandir(folder) as found:
        if next(found, None) is not None:
            return
    for name, text in MARKS.items():
        with contextlib.suppress(FileExistsError), (folder / name).open("x") as file:
            file.write(text)


def clean(folder: Path) -> tuple[int, int, list[str]]:
    """Take away what archcheck put into a folder, and the folder if nothing else is in it.

    Returns:
        How many networks were removed, how many bytes they and all that was kept beside them had,
        and the names of what is left because it is not the cache's.

    Raises:
        OSError: if something cannot be removed.
    """
    networks, size, left = 0, 0, []
    if not folder.is_dir():
        return 0, 0, []
    marks = []
    for path in sorted(folder.iterdir()):
        about = path.lstat()
        is_file = path.is_file() and not path.is_symlink()
        if is_file and (ENTRY.fullmatch(path.name) or UNFINISHED.fullmatch(path.name)):
            path.unlink(missing_ok=True)
            networks += path.name.endswith(".network")
            size += about.st_size
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
