"""The project that archcheck runs in, and the paths of its files in reports for programs."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

PROJECT_FILE = "pyproject.toml"


def project_root() -> Path:
    """The folder of the git repository around the working directory, else that of the nearest
    ``pyproject.toml``, else the working directory.

    Raises:
        OSError: if the working directory is gone.
    """
    return _root_of(os.getcwd())


@lru_cache(maxsize=16)
def _root_of(folder: str) -> Path:
    here = Path(folder)
    upward = (here, *here.parents)
    for mark in (".git", PROJECT_FILE):
        found = next((place for place in upward if (place / mark).exists()), None)
        if found is not None:
            return found
    return here


def in_project(file: str) -> str:
    """A path relative to the project's root, with forward slashes; whole if it lies outside.

    Every byte of a name that is no UTF-8 is kept.
    """
    if not file:
        return file
    try:
        place = Path(file)
        if not place.is_absolute():
            place = Path.cwd() / file
            if not place.exists():
                return file
        named = place.parent.resolve() / place.name  # a link is called by its own name
        return named.relative_to(project_root()).as_posix()
    except (ValueError, OSError):  # it lies elsewhere, or the working directory is gone
        return Path(file).as_posix()
