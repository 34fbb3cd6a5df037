"""The code cells of a notebook (nbformat 3 and 4), and where they stand in its file.

https://nbformat.readthedocs.io/en/latest/format_description.html
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from archcheck.worker.located_json import Text, anything, array_of, object_of, parsed

SUFFIX = ".ipynb"
_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{4}|\\.|[^\\]", re.DOTALL)
"""One character of a JSON string."""


_CELLS = array_of(object_of({"source": array_of(anything), "input": array_of(anything)}))
_NOTEBOOK = object_of({"cells": _CELLS, "worksheets": array_of(object_of({"cells": _CELLS}))})


class NotebookError(ValueError):
    """A notebook that cannot be read, or is not Python's; the text says why."""


@dataclass(frozen=True)
class Line:
    """A line of a cell: its text, and the line and column of the file that it begins at."""

    text: str
    file_line: int
    file_column: int


@dataclass(frozen=True)
class CodeCell:
    """A code cell: its number among all cells, from 1, and its lines."""

    number: int
    lines: tuple[Line, ...]


def code_cells(content: bytes) -> list[CodeCell]:
    """The code cells of a notebook, in order.

    Raises:
        NotebookError: if it is no notebook, or one of another language.
    """
    text = _decoded(content)
    cells = _cells(_loaded(text))
    breaks = [match.start() for match in re.finditer("\n", text)]
    found = [
        CodeCell(number, tuple(_lines(cell, text, breaks)))
        for number, cell in enumerate(cells, 1)
        if isinstance(cell, dict) and cell.get("cell_type") == "code"
    ]
    if not any(line.text.strip() for cell in found for line in cell.lines):
        raise NotebookError("the notebook holds no code")
    return found


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotebookError(f"the notebook is not UTF-8 text: {error.reason}") from None


def _loaded(text: str) -> Any:
    if not text.strip():
        raise NotebookError("the notebook is an empty file")
    try:
        return parsed(text, _NOTEBOOK)
    except json.JSONDecodeError as error:
        raise NotebookError(f"the notebook is no JSON: {error}") from None
    except RecursionError:
        raise NotebookError("the notebook is nested too deeply") from None


def _cells(notebook: Any) -> list[Any]:
    """All cells; those of nbformat 3 stand in sheets."""
    if not isinstance(notebook, dict):
        raise NotebookError("the file holds no notebook")
    metadata = notebook.get("metadata")
    language = _language(metadata if isinstance(metadata, dict) else {})
    if language and not language.startswith(("python", "ipython")):
        raise NotebookError(f"the notebook's language is {language}, not Python")
    cells = notebook.get("cells")
    if cells is None and isinstance(notebook.get("worksheets"), list):
        sheets = [sheet for sheet in notebook["worksheets"] if isinstance(sheet, dict)]
        cells = [cell for sheet in sheets for cell in sheet.get("cells", [])]
    if not isinstance(cells, list):
        raise NotebookError("the file holds no notebook: it has no cells")
    return cells


def _language(metadata: dict[str, Any]) -> str:
    for key, name in (("kernelspec", "language"), ("language_info", "name")):
        inner = metadata.get(key)
        if isinstance(inner, dict) and isinstance(inner.get(name), str):
            return str(inner[name]).lower()
    return ""


def _lines(cell: dict[str, Any], text: str, breaks: list[int]) -> Iterator[Line]:
    """The lines of a cell, whose source is one string or a list of them."""
    source = cell.get("source", cell.get("input", ""))
    pieces = source if isinstance(source, list) else [source]
    before, at = "", (1, 1)
    for piece in pieces:
        if not isinstance(piece, Text):
            continue
        for part, offset in _parts(piece, text):
            at = at if before else _line_and_column(breaks, offset)
            before += part
            if before.endswith("\n"):
                yield Line(before[:-1].removesuffix("\r"), *at)
                before = ""
    if before:
        yield Line(before, *at)


def _line_and_column(breaks: list[int], offset: int) -> tuple[int, int]:
    line = bisect_right(breaks, offset)
    return line + 1, offset - (breaks[line - 1] if line else -1)


def _parts(piece: Text, text: str) -> Iterator[tuple[str, int]]:
    """The lines of a string, each with its offset in the file."""
    parts = piece.split("\n")
    whole = [f"{part}\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
    if len(whole) == 1:
        yield whole[0], piece.offset
        return
    characters = _ESCAPE.finditer(text, piece.offset)
    for part in whole:
        offset = -1
        for character in part:
            found = next(characters)
            offset = found.start() if offset < 0 else offset
            if character > "\uffff" and found[0].startswith("\\"):
                next(characters)  # it is written as two
        yield part, offset
