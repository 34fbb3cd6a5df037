"""Files of Python that are edited: their text, and the bytes that they hold after an edit.

What is edited is text in lines. A notebook is that of its code cells, one behind the other, and the
lines of commands that are no Python are masked while it is looked at.
"""

from __future__ import annotations

import io
import json
import re
import tokenize
from codecs import BOM_UTF8
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path

from archcheck.worker.magics import python_lines, without_indent
from archcheck.worker.notebooks import CodeCell, Line, code_cells
from archcheck.worker.scripts import is_notebook

_LINE = re.compile(r"([^\r\n]*)(\r\n|\r|\n|\Z)")
_ESCAPED = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[0-9a-fA-F]{4}|\\u[0-9a-fA-F]{4}|\\.|[^\\]", re.DOTALL
)
"""One character of a JSON string; one beyond U+FFFF is written as two."""


class NotEditable(Exception):
    """A file cannot be edited without loss; the message says why."""


@dataclass(frozen=True)
class Splice:
    """A stretch of a text, from one offset to another, and what takes its place."""

    start: int
    end: int
    text: str


def spliced(text: str, splices: Sequence[Splice]) -> str:
    """A text after some splices, none of which overlap."""
    for splice in sorted(splices, key=lambda each: each.start, reverse=True):
        text = text[: splice.start] + splice.text + text[splice.end :]
    return text


class Source:
    """A script or a notebook as it was when it was read.

    Attributes:
        file: its path.
        content: its bytes.
    """

    def __init__(self, file: str, content: bytes) -> None:
        self.file = file
        self.content = content

    @classmethod
    def read(cls, file: str) -> Source:
        """A file as it is now.

        Raises:
            OSError: if it cannot be read.
        """
        return cls(file, Path(file).read_bytes())

    @property
    def is_notebook(self) -> bool:
        """Whether its text is that of a notebook's code cells."""
        return is_notebook(self.file)

    @cached_property
    def text(self) -> str:
        """The text of the script, or of all code cells, with the script's own line ends.

        Raises:
            NotEditable: if it cannot be read as text.
        """
        try:
            if self.is_notebook:
                return "".join(f"{line.text}\n" for line in self._lines)
            return self.content.removeprefix(self._mark).decode(self._encoding)
        except (SyntaxError, ValueError) as error:
            raise NotEditable(f"it cannot be read: {error}") from None

    @cached_property
    def python(self) -> str:
        """The text with commands of a notebook masked, of the same lines."""
        pairs = zip(self._masked, self._pieces, strict=True)
        return "".join(own + end for own, (_, end) in pairs)

    def is_own(self, line: int) -> bool:
        """Whether a line, counted from 1, stands in the file as it stands in ``python``."""
        return 0 < line <= len(self._pieces) and self._pieces[line - 1][0] == self._masked[line - 1]

    def offset(self, line: int, column: int) -> int:
        """The offset in the text of a place: its line from 1, its column from 0."""
        return self._starts[line - 1] + column

    @cached_property
    def _pieces(self) -> list[tuple[str, str]]:
        """The lines of the text, each with its end."""
        if self.is_notebook:
            return [(line.text, "\n") for line in self._lines]
        return [(match[1], match[2]) for match in _LINE.finditer(self.text) if match[0]]

    @cached_property
    def _starts(self) -> list[int]:
        return list(accumulate((len(a) + len(b) for a, b in self._pieces), initial=0))

    @cached_property
    def _masked(self) -> list[str]:
        if self.is_notebook:
            cells = [[line.text for line in cell.lines] for cell in self._cells]
            return [line for cell in cells for line in python_lines(without_indent(cell))]
        return python_lines([line for line, _ in self._pieces])

    def after(self, splices: Sequence[Splice]) -> bytes:
        """The bytes of the file after some splices of its text.

        Raises:
            NotEditable: if they cannot be written: a character that the file's encoding lacks, an
                edit of a notebook that makes other lines of it.
        """
        text = spliced(self.text, splices)
        if self.is_notebook:
            return self._notebook(text)
        try:
            return self._mark + text.encode(self._encoding)
        except UnicodeEncodeError as error:
            raise NotEditable(str(error)) from None

    def lines_of(self, content: bytes) -> list[str]:
        """The lines of the file with some content, with their ends."""
        text = content.removeprefix(self._mark).decode(self._encoding, "replace")
        return [match[0] for match in _LINE.finditer(text) if match[0]]

    # -- scripts ----------------------------------------------------------------------------

    @property
    def _mark(self) -> bytes:
        return BOM_UTF8 if self.content.startswith(BOM_UTF8) else b""

    @cached_property
    def _encoding(self) -> str:
        if self.is_notebook:
            return "utf-8"
        name, _ = tokenize.detect_encoding(io.BytesIO(self.content).readline)
        return "utf-8" if name == "utf-8-sig" else name

    # -- notebooks --------------------------------------------------------------------------

    @cached_property
    def _cells(self) -> list[CodeCell]:
        return code_cells(self.content)

    @cached_property
    def _lines(self) -> list[Line]:
        return [line for cell in self._cells for line in cell.lines]

    def _notebook(self, text: str) -> bytes:
        """The notebook with the lines of a text in place of those that differ."""
        lines = text.split("\n")[:-1]
        if len(lines) != len(self._lines):
            raise NotEditable("the edit would make other lines of the notebook")
        whole = self.content.removeprefix(self._mark).decode()
        starts = [0, *(match.end() for match in re.finditer("\n", whole))]
        splices = [
            _json_line(whole, starts[line.file_line - 1] + line.file_column - 1, line.text, new)
            for line, new in zip(self._lines, lines, strict=True)
            if line.text != new
        ]
        return self._mark + spliced(whole, splices).encode()


def _json_line(whole: str, start: int, old: str, new: str) -> Splice:
    """The splice that puts a line in place of another one inside of a JSON string."""
    end = start
    for _ in old:
        character = _ESCAPED.match(whole, end)
        end = character.end() if character is not None else end
    written = whole[start:end]
    if json.loads(f'"{written}"') != old:
        raise NotEditable("a line of the notebook is not found in its file")
    return Splice(start, end, json.dumps(new, ensure_ascii=written.isascii())[1:-1])
