"""The one way to read a file of Python: a script, or a notebook.

A notebook is read as the Python of its code cells, one behind the other. Its lines are numbered
through all of them; :meth:`Script.place` says in which cell, and in which line of the file, one is.
Commands that only notebooks know stand as the calls that IPython has for them, in scripts as well.
"""

from __future__ import annotations

import ast
import io
import os
import re
import tokenize
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import msgspec

from archcheck.network import Cell, Place
from archcheck.worker.magics import python_lines
from archcheck.worker.notebooks import SUFFIX, CodeCell, NotebookError, code_cells

__all__ = ["NotebookError", "Script", "is_notebook", "placed", "read_script"]


@dataclass(frozen=True, eq=False)
class Script:
    """A file of Python, which is read once: its tree is shared, and not to be changed.

    Attributes:
        file: its path.
        lines: what its author wrote; of a notebook the lines of all code cells.
        tree: its Python. Lines are numbered as in ``lines``.
        cells: the code cells of a notebook; none of a script.
    """

    file: str
    lines: tuple[str, ...]
    tree: ast.Module
    cells: tuple[CodeCell, ...] = ()

    def place(self, line: int) -> Place:
        """The place of a line, with its cell."""
        return Place(self.file, line, cell=_cell(self.cells, line))


def is_notebook(file: str) -> bool:
    """Whether a file is a notebook, by its name."""
    return file.endswith(SUFFIX)


def read_script(file: str | Path) -> Script:
    """Read a file of Python.

    Raises:
        OSError: if it cannot be read.
        SyntaxError: if it is no Python, with the file and the line.
        ValueError: if it is no text of Python: a null byte, a notebook that is broken
            (:class:`NotebookError`).
    """
    path = os.fspath(file)
    return _read(path, Path(path).read_bytes())


def placed(place: Place) -> Place:
    """A place with its cell, if it is one in a notebook."""
    if place.cell is not None or not is_notebook(place.file):
        return place
    try:
        state = Path(place.file).stat()
        cells = _cells(place.file, state.st_mtime_ns, state.st_size, state.st_ino)
    except (OSError, ValueError):
        return place
    return msgspec.structs.replace(place, cell=_cell(cells, place.line))


def _cell(cells: tuple[CodeCell, ...], line: int) -> Cell | None:
    """Where in a notebook a line is, if the lines of all of its code cells are counted."""
    before = 0
    for cell in cells:
        inside = line - before
        if 0 < inside <= len(cell.lines):
            return Cell(cell.number, inside, cell.lines[inside - 1].file_line)
        before += len(cell.lines)
    return None


@lru_cache(maxsize=64)
def _cells(path: str, *state: int) -> tuple[CodeCell, ...]:
    return tuple(code_cells(Path(path).read_bytes()))


@lru_cache(maxsize=64)
def _read(path: str, content: bytes) -> Script:
    if is_notebook(path):
        return _notebook(path, tuple(code_cells(content)))
    try:
        tree = ast.parse(content, path)
    except SyntaxError:
        tree = _with_commands(path, content)
    return Script(path, tuple(_lines(_text(content))), tree)


def _notebook(path: str, cells: tuple[CodeCell, ...]) -> Script:
    lines: list[str] = []
    body: list[ast.stmt] = []
    for cell in cells:
        own = [line.text for line in cell.lines]
        body += _parsed_cell(path, python_lines(own), len(lines))
        lines += own
    return Script(path, tuple(lines), ast.Module(_futures_first(body), []), cells)


def _parsed_cell(path: str, lines: list[str], before: int) -> list[ast.stmt]:
    """The statements of a cell, numbered behind the lines of those before it."""
    try:
        tree = ast.parse("\n".join(lines), path)
    except SyntaxError as error:
        for name in ("lineno", "end_lineno"):
            if getattr(error, name):
                setattr(error, name, getattr(error, name) + before)
        raise
    ast.increment_lineno(tree, before)
    return tree.body


def _futures_first(body: list[ast.stmt]) -> list[ast.stmt]:
    """Statements as Python takes them: ``from __future__`` may stand in any cell."""
    return sorted(
        body,
        key=lambda node: not (isinstance(node, ast.ImportFrom) and node.module == "__future__"),
    )


def _with_commands(path: str, content: bytes) -> ast.Module:
    """The tree of a script that holds a notebook's commands, as some exports do."""
    text = _text(content)
    lines = _lines(text)
    python = python_lines(lines)
    if python == lines:
        ast.parse(content, path)  # for its error
    return ast.parse("\n".join(python), path)


def _text(content: bytes) -> str:
    """The text of a script in the encoding that it names."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        return content.decode(encoding)
    except (SyntaxError, UnicodeDecodeError):
        return content.decode("utf-8", "replace")


def _lines(text: str) -> list[str]:
    return re.split("\r\n|\r|\n", text)
