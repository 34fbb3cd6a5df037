"""Stretches of files, and the paths of files in reports for other tools."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from archcheck.plain_text import plain
from archcheck.project import in_project
from archcheck.rules import Location
from archcheck.worker.scripts import read_cells
from archcheck.worker.typed_code import typed_lines


@dataclass(frozen=True)
class Region:
    """A stretch of a file: lines and columns count characters from 1, the last one excluded.

    Of a notebook they are those of the file, in which source stands as JSON.
    """

    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    module: str = ""
    label: str = ""
    source: str = ""
    at: str = ""
    """The line as people find it."""

    @property
    def path(self) -> str:
        """The file as :func:`relative` gives it."""
        return relative(self.file)


def relative(file: str) -> str:
    """A path relative to the project's root with forward slashes; whole if it lies outside."""
    return plain(in_project(file))


def region(where: Location) -> Region | None:
    """The stretch of a location; None if its line is not known."""
    place = where.place
    if place is None:
        return None
    cells = read_cells(place.file) if place.cell is not None else None
    lines = _lines(place.file) if cells is None else tuple(map(str.encode, cells.lines))
    end_line = place.end_line or place.line
    first, last = _line(lines, place.line), _line(lines, end_line)
    column = _characters(first, place.column) if place.column else 1
    if place.end_column:
        end_column = _characters(last, place.end_column)
    else:  # python -X no_debug_ranges keeps no columns
        end_column = len(last.decode("utf-8", "replace").rstrip()) + 1
    if end_line == place.line:
        end_column = max(end_column, column + 1)
    start, end = (place.line, column), (end_line, end_column)
    if cells is not None:
        start, end = cells.in_file(*start), cells.in_file(*end)
    return Region(
        place.file,
        *start,
        *end,
        plain(where.module),
        plain(where.label),
        plain(first.decode("utf-8", "replace").strip()),
        place.at,
    )


def _line(lines: tuple[bytes, ...], number: int) -> bytes:
    return lines[number - 1] if 0 < number <= len(lines) else b""


def _characters(line: bytes, column: int) -> int:
    """Python counts columns in bytes of UTF-8."""
    if line.isascii():
        return column
    return len(line[: column - 1].decode("utf-8", "replace")) + 1


def _lines(file: str) -> tuple[bytes, ...]:
    try:
        return tuple(Path(file).read_bytes().splitlines())
    except (OSError, ValueError):
        return tuple(line.encode("utf-8", "replace") for line in typed_lines(file))
