"""What a reference to a network says: ``FILE``, ``FILE:Name`` or ``package.module:Name``."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from archcheck.tracing.failures import BadReference


class Reference(msgspec.Struct, frozen=True):
    """A file or an importable module, and the name of the network in it (empty: the only one)."""

    file: str
    module: str
    name: str

    def __str__(self) -> str:
        where = self.module or self.file
        return f"{where}:{self.name}" if self.name else where


def parse_reference(text: str) -> Reference:
    """Read a reference and check that its file is there.

    Raises:
        BadReference: if there is no such file, or the text is no reference.
    """
    head, colon, name = text.rpartition(":")
    is_drive = len(head) == 1 and not Path(head).exists()
    if not colon or is_drive or name.endswith(".py") or (name and not _dotted(name)):
        head, name = text, ""
    if colon and head != text and not name:
        raise BadReference(f"{text}: nothing stands behind the colon; write FILE:Name or FILE")
    if not head:
        raise BadReference("the reference is empty; write FILE, FILE:Name or package.module:Name")
    path = Path(head)
    if path.is_dir():
        raise BadReference(f"{head} is a folder; name the Python file that holds the network")
    if path.is_file():
        if path.suffix == ".ipynb":
            raise BadReference(
                f"{head} is a notebook; export it first: jupyter nbconvert --to script {head}"
            )
        if path.suffix != ".py":
            raise BadReference(f"{head} is not a Python file (its name does not end in .py)")
        return Reference(str(path.resolve()), "", name)
    if path.suffix == ".py" or os.sep in head or not _dotted(head):
        raise BadReference(f"there is no file {head}")
    if not name:
        raise BadReference(
            f"there is no file {head}; a network of an installed package is named "
            "package.module:Name"
        )
    return Reference("", head, name)


def file_and_name(text: str) -> tuple[str, str]:
    """``FILE`` or ``FILE:NAME`` in two; the name is empty where there is none."""
    head, colon, name = text.rpartition(":")
    return (head, name) if colon and _dotted(name) and not name.endswith(".py") else (text, "")


def _dotted(text: str) -> bool:
    return bool(text) and all(part.isidentifier() for part in text.split("."))
