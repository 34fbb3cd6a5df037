"""Rows that fit a width: lines are broken between words, and cells stand in columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from archcheck.reporters.formatting import clean

UNLIMITED = 10**6
"""The width of what is not wrapped: in a pipe sentences stay whole, for whatever reads them."""
NARROWEST = 40
"""The narrowest terminal that lines are made for."""
LEAST = 4
"""No column of words is narrower than this."""
_GAP = re.compile(r"(?<!×) +(?![ ×%]|[MGTs]\b)")
"""Where a line may end: between words, not between a number and its unit."""
_SPACES = re.compile(" +")
_JOINT = re.compile(r"(?<=[/\\._,:›-])(?=.)")
"""Where a word may be parted that is longer than a line."""


@dataclass(frozen=True)
class Cell:
    """A text in a column of some width; numbers stand on the right."""

    text: Text
    width: int
    right: bool = False


def sentence_width(console: Console) -> int:
    """The width that sentences are wrapped to."""
    return UNLIMITED if console.soft_wrap else table_width(console)


def table_width(console: Console) -> int:
    """The width that tables and pictures have."""
    return max(console.width, NARROWEST)


def wrapped(text: Text, width: int, later: int | None = None) -> list[Text]:
    """A text in lines of at most ``width`` cells, all but the first of ``later`` where that is
    given, broken between words.

    A word longer than a line is parted behind a slash, a dot or the like.
    """
    text = clean(text)
    lines: list[Text] = []
    start, length = 0, len(text.plain)
    while True:
        room = width if later is None or not lines else later
        end, following = _line_end(text.plain, start, max(room, LEAST))
        lines.append(text[start:end])
        if following >= length:
            return lines
        start = following


def _line_end(plain: str, start: int, width: int) -> tuple[int, int]:
    """Where the line that starts somewhere ends, and where the next one starts."""
    limit = start + _fitting(plain[start : start + width + 1], width)
    if limit >= len(plain):
        return len(plain), len(plain)
    for breaks in (_GAP, _SPACES, _JOINT):
        found = [m for m in breaks.finditer(plain, start + 1, limit + 4) if m.start() <= limit]
        if found:
            return found[-1].span()
    return limit, limit


def _fitting(text: str, width: int) -> int:
    """How many characters at the start of a text fit in a width."""
    if text.isascii():
        return min(len(text), width)
    used = 0
    for count, character in enumerate(text):
        used += cell_len(character)
        if used > width:
            return count
    return len(text)


def hung(text: Text, width: int, first: Text | str, rest: Text | str | None = None) -> list[Text]:
    """A text behind a prefix; the lines that follow the first hang behind ``rest``, by default as
    many spaces."""
    head = Text(first) if isinstance(first, str) else first
    indent = " " * head.cell_len if rest is None else rest
    tail = Text(indent) if isinstance(indent, str) else indent
    lines = wrapped(text, width - head.cell_len, width - tail.cell_len)
    return [Text.assemble(tail if number else head, line) for number, line in enumerate(lines)]


def indented(text: Text, width: int) -> list[Text]:
    """A text that may begin with spaces; the lines that follow the first are indented by two
    more."""
    spaces = len(text.plain) - len(text.plain.lstrip(" "))
    return hung(text[spaces:], width, " " * spaces, " " * (spaces + 2)) if text else [text]


def flowed(parts: Iterable[Text], width: int, *, gap: int = 3, hang: int = 2) -> list[Text]:
    """Parts one behind the other, each in one line where it fits; further lines are indented."""
    lines: list[Text] = []
    for part in parts:
        if lines and lines[-1].cell_len + gap + part.cell_len <= width:
            lines[-1] = Text.assemble(lines[-1], " " * gap, part)
        else:
            lines += hung(part, width, " " * hang if lines else "", " " * hang)
    return lines


def beside(cells: Sequence[Cell], gaps: Sequence[int]) -> list[Text]:
    """Cells beside each other, each wrapped in its own column behind a gap."""
    columns = [wrapped(cell.text, cell.width) for cell in cells]
    lines = []
    for parts in zip_longest(*columns, fillvalue=Text("")):
        line = Text()
        for part, cell, gap in zip(parts, cells, gaps, strict=True):
            spare = " " * max(0, cell.width - part.cell_len)
            line.append(" " * gap + (spare if cell.right else ""))
            line.append_text(part).append("" if cell.right else spare)
        line.rstrip()
        lines.append(line)
    return lines


def widest(texts: Iterable[Text | str]) -> int:
    """The cells that the longest of some texts takes."""
    return max(
        (cell_len(text) if isinstance(text, str) else text.cell_len for text in texts), default=0
    )


def longest_word(texts: Iterable[str]) -> int:
    """The cells that the longest word of some texts takes."""
    return widest(word for text in texts for word in _GAP.split(text))
