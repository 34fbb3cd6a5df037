"""Objects of files: ``FILE:name``."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from training.errors import Problem


def load_object(reference: str) -> Any:
    """The object that a file defines under a name.

    Raises:
        Problem: if the file cannot be run or defines no such name.
    """
    file, _, name = reference.rpartition(":")
    try:
        defined = runpy.run_path(file)
    except Exception as error:
        raise Problem(f"{file}: {type(error).__name__}: {error}") from error
    if name not in defined:
        raise Problem(f"{file}: defines no {name!r}")
    return defined[name]


def file_of(reference: str) -> Path:
    """The file of a reference."""
    return Path(reference.rpartition(":")[0])
