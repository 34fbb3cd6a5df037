"""References to networks: ``FILE``, ``FILE:Name`` or ``package.module:Name``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, get_args

import msgspec

from archcheck.worker.failures import InputError
from archcheck.worker.relative_imports import outermost_package
from archcheck.worker.scripts import is_notebook

SUFFIXES = (".py", ".ipynb")
"""What the names of files end in that a network or a pipeline may be in."""

Load = Literal["", "plain", "stand-ins", "definitions"]
"""How a file is loaded: as it is; with stand-ins for modules that are missing; from its definitions
alone. Empty is the first of these that does."""
LOADS: tuple[Load, ...] = get_args(Load)[1:]


class Reference(msgspec.Struct, frozen=True):
    """A file or an importable module, the name of the network in it (empty: the only one), and how
    it is loaded."""

    file: str
    module: str
    name: str
    load: Load = ""

    def __str__(self) -> str:
        where = self.module or near(self.file)
        return f"{where}:{self.name}" if self.name else where


def parse_reference(text: str, load: Load = "") -> Reference:
    """Read a reference and check that its file exists; ``load`` is how it is loaded.

    Raises:
        InputError: if there is no such file, or the text is not a reference.
    """
    head, colon, name = text.rpartition(":")
    is_drive = len(head) == 1 and not Path(head).exists()
    if not colon or is_drive or name.endswith(SUFFIXES) or (name and not dotted(name)):
        head, name = text, ""
    if colon and head != text and not name:
        raise _wrong(f"{text}: nothing stands behind the colon; write FILE:Name or FILE")
    if head == "-":
        raise _wrong("a network is not read from standard input: write it to a file")
    if not head:
        raise _wrong("the reference is empty; write FILE, FILE:Name or package.module:Name")
    path = python_file(head, "holds the network")
    if path is not None:
        return Reference(str(path), "", name, load)
    if Path(head).suffix in SUFFIXES or os.sep in head or not dotted(head):
        raise _wrong(f"there is no file {head}")
    if not name:
        raise _wrong(
            f"there is no file {head}; a network of an installed package is named "
            "package.module:Name"
        )
    return Reference("", head, name, load)


def python_file(text: str, purpose: str) -> Path | None:
    """The absolute path of a Python file, or a notebook; None if it does not exist.

    ``purpose`` is what the file is needed for, as in "the Python file that holds the network".

    Raises:
        InputError: if it is a folder, or another file.
    """
    path = Path(text)
    if path.is_dir():
        raise _wrong(f"{text} is a folder; name the Python file that {purpose}")
    if not path.is_file():
        return None
    if path.suffix not in SUFFIXES:
        raise _wrong(
            f"{text} is not a Python file or a notebook (its name does not end in .py or .ipynb)"
        )
    return Path(os.path.abspath(path))


def is_utf8(file: str) -> bool:
    """Whether a file's name is UTF-8."""
    try:
        file.encode()
    except UnicodeEncodeError:
        return False
    return True


def near(file: str) -> str:
    """A file as people call it: relative to the working directory where it lies inside of it."""
    try:
        return str(Path(file).relative_to(os.getcwd()))
    except (ValueError, OSError):  # it lies elsewhere, or the working directory is gone
        return file


def package_of(file: Path) -> tuple[Path, list[str]]:
    """The folder that a file's package, or the file, is imported from, and the names on the way.

    A folder is a package if it says so, or if relative imports need it to be one. A notebook is in
    none.
    """
    root, parts = file.parent, [file.stem]
    if is_notebook(file.name):
        return root, parts
    top = outermost_package(file)
    while _is_package(root) or (top is not None and root.is_relative_to(top)):
        parts.insert(0, root.name)
        root = root.parent
    return root, parts


def _is_package(folder: Path) -> bool:
    return (folder / "__init__.py").is_file() and folder.name.isidentifier()


def roots_of(script: str) -> list[Path]:
    """The folders (or files) that a file, or a module by its name, and its siblings lie in."""
    if script.endswith(SUFFIXES):
        file = Path(script)
        return list(dict.fromkeys([package_of(file.resolve())[0], file.parent]))
    top = script.partition(".")[0]
    return [Path(os.getcwd()) / top, Path(os.getcwd()) / f"{top}.py"]


def _wrong(message: str) -> InputError:
    return InputError(message, input="reference")


def file_and_name(text: str) -> tuple[str, str]:
    """The two parts of ``FILE`` or ``FILE:NAME``; the name is empty if there is none."""
    head, colon, name = text.rpartition(":")
    return (head, name) if colon and dotted(name) and not name.endswith(SUFFIXES) else (text, "")


def dotted(text: str) -> bool:
    """Whether a text is an identifier, or several joined by dots."""
    return bool(text) and all(part.isidentifier() for part in text.split("."))
