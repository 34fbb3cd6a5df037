"""The one way to read a file of Python: a script, or a notebook.

A notebook is read as the Python of its code cells, one behind the other, and its lines are numbered
through all of them. Commands that only notebooks know stand as the calls that IPython has for them,
in scripts as well.
"""

from __future__ import annotations

import ast
import io
import json
import linecache
import os
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import msgspec

from archcheck.network import Cell, Place
from archcheck.worker.exported import with_cells
from archcheck.worker.ipython_calls import without_unknown_code
from archcheck.worker.magics import python_lines, without_indent
from archcheck.worker.notebooks import SUFFIX, CodeCell, Line, code_cells
from archcheck.worker.typed_code import shown_file


@dataclass(frozen=True, eq=False)
class Cells:
    """The code cells of a notebook.

    Attributes:
        cells: the cells in order.
        escaped: whether the file is ASCII, and has other characters as codes.
    """

    cells: tuple[CodeCell, ...]
    escaped: bool

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines of all cells, as their author wrote them."""
        return tuple(line.text for cell in self.cells for line in cell.lines)

    def placed(self, place: Place) -> Place:
        """A place with the cell that it is in."""
        first = self._find(place.line)
        last = self._find(place.end_line or place.line) or first
        if first is None or last is None:
            return place
        cell, number = first
        end_cell, end = last
        lines = cell.lines[number - 1].file_line, end_cell.lines[end - 1].file_line
        return msgspec.structs.replace(place, cell=Cell(cell.number, number, *lines))

    def in_file(self, line: int, column: int) -> tuple[int, int]:
        """The line and the column in the file of a character of a line, from 1."""
        found = self._find(line)
        if found is None:
            return line, column
        cell, number = found
        source: Line = cell.lines[number - 1]
        before = json.dumps(source.text[: column - 1], ensure_ascii=self.escaped)
        return source.file_line, source.file_column + len(before) - 2

    def _find(self, line: int) -> tuple[CodeCell, int] | None:
        """The cell of a line, and the line's number in it."""
        for cell in self.cells:
            if 0 < line <= len(cell.lines):
                return cell, line
            line -= len(cell.lines)
        return None


@dataclass(frozen=True, eq=False)
class Script:
    """A file of Python, which is read once: its tree is shared, and not to be changed.

    Attributes:
        file: its path.
        tree: its Python. The lines of a notebook are numbered through all of its code cells.
        cells: the code cells of a notebook; None of a script.
        lines: the lines of a notebook as Python; none of a script, whose file has them.
        commands: the lines of a script that are no Python, but commands of a notebook.
    """

    file: str
    tree: ast.Module
    cells: Cells | None = None
    lines: tuple[str, ...] = ()
    commands: tuple[int, ...] = ()

    def place(self, line: int) -> Place:
        """The place of a line."""
        place = Place(self.file, line)
        return place if self.cells is None else self.cells.placed(place)


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
    return _read(path, _content(path))


_given: dict[str, bytes] = {}


@contextmanager
def contents_given(contents: Mapping[str, bytes]) -> Iterator[None]:
    """While this is entered, some files hold what is given and not what is on the disk."""
    _given.update(contents)
    for file in contents:
        if not is_notebook(file):  # inspect, and torch.jit, look for the source here
            lines = io.StringIO(_text(contents[file]), newline=None).readlines()
            linecache.cache[file] = (len(contents[file]), None, lines, file)
    try:
        yield
    finally:
        _given.clear()
        for file in contents:
            linecache.cache.pop(file, None)


def _content(path: str) -> bytes:
    return _given[path] if path in _given else Path(path).read_bytes()


def read_cells(file: str) -> Cells | None:
    """The code cells of a notebook; None of another file, and of one that cannot be read."""
    if not is_notebook(file):
        return None
    try:
        if file in _given:
            return _cells(_given[file])
        state = Path(file).stat()
        return _cells_of(file, state.st_mtime_ns, state.st_size, state.st_ino)
    except (OSError, ValueError):
        return None


def readable_scripts(files: Iterable[str]) -> Iterator[Script]:
    """Those of some files of Python that can be read."""
    for file in files:
        with suppress(OSError, SyntaxError, ValueError, RecursionError):
            yield read_script(file)


def placed(place: Place) -> Place:
    """A place with its cell, if it is one in a notebook; of a cell that was run, by its number."""
    cells = read_cells(place.file)
    if cells is not None:
        return cells.placed(place)
    file = shown_file(place.file)
    return place if file == place.file else msgspec.structs.replace(place, file=file)


def lines_of(places: Sequence[Place]) -> str:
    """Lines of a file in a sentence: ``lines 3, 40``, or ``cell 3:1, cell 7:1``."""
    listed = ", ".join(place.at for place in places)
    return listed if any(place.cell for place in places) else f"lines {listed}"


@lru_cache(maxsize=64)
def _cells_of(path: str, *state: int) -> Cells:
    return _cells(Path(path).read_bytes())


def _cells(content: bytes) -> Cells:
    return Cells(tuple(code_cells(content)), content.isascii())


@lru_cache(maxsize=64)
def _read(path: str, content: bytes) -> Script:
    if is_notebook(path):
        return _notebook(path, _cells(content))
    commands: tuple[int, ...] = ()
    try:
        tree = ast.parse(content, path)
    except SyntaxError:
        tree, commands = _with_commands(path, content)
    tree = with_cells(tree, path)
    return Script(path, ast.Module(without_unknown_code(tree.body), []), commands=commands)


def _notebook(path: str, cells: Cells) -> Script:
    body: list[ast.stmt] = []
    lines: list[str] = []
    for cell in cells.cells:
        own = python_lines(without_indent([line.text for line in cell.lines]))
        body += _statements(path, own, len(lines))
        lines += own
    body.sort(key=lambda node: not _is_future(node))  # it may stand in any cell
    return Script(path, ast.Module(without_unknown_code(body), []), cells, tuple(lines))


def _statements(path: str, lines: list[str], before: int) -> list[ast.stmt]:
    """The statements of a cell, numbered behind the lines of those before it."""
    try:
        tree = ast.parse("\n".join(lines), path)
    except SyntaxError as error:
        error.lineno = (error.lineno or 1) + before
        error.end_lineno = (error.end_lineno or 1) + before
        raise
    ast.increment_lineno(tree, before)
    return tree.body


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _with_commands(path: str, content: bytes) -> tuple[ast.Module, tuple[int, ...]]:
    """The tree of a script that holds commands of a notebook, and the lines of these."""
    lines = re.split("\r\n|\r|\n", _text(content))
    python = python_lines(lines)
    if python == lines:
        ast.parse(content, path)  # for its error
    pairs = enumerate(zip(lines, python, strict=True), 1)
    commands = tuple(number for number, (line, other) in pairs if other not in (line, ""))
    return ast.parse("\n".join(python), path), commands


def _text(content: bytes) -> str:
    """The text of a script in the encoding that it names."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        return content.decode(encoding)
    except (SyntaxError, UnicodeDecodeError):
        return content.decode("utf-8", "replace")
