"""Numbers, texts and paths as people read them."""

from __future__ import annotations

import os
import tokenize
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

from rich.text import Text

from archcheck.fields.algebra.positions import Positions
from archcheck.network import Place
from archcheck.phrases import per_axis
from archcheck.plain_text import in_one_line
from archcheck.worker.scripts import read_cells
from archcheck.worker.typed_code import typed_lines


def amount(number: int | None) -> str:
    """``31.5 M``; a question mark for an unknown number."""
    if number is None:
        return "?"
    for size, unit in ((10**12, "T"), (10**9, "G"), (10**6, "M")):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number:,}"


def fraction(value: Fraction | int | float | None) -> str:
    """``1/2``, ``8``, or a dash where there is no value."""
    return "–" if value is None else str(value).replace("-", "−")


def axes(values: Sequence[Fraction | int | None]) -> str:
    """One number where all axes agree, else one an axis: ``8`` or ``8×4``."""
    return per_axis([fraction(value) for value in values])


MOST_STRETCHES = 9
"""The most stretches of a set that are written out."""


def positions(indices: Positions) -> str:
    """``0–12, 14, 16–30``; long sets that repeat are cut short: ``0, 2, 4 … 60``."""
    runs = indices.runs()
    texts = [stretch(low, high) for low, high in runs]
    parts: list[str] = []
    at = 0
    while at < len(runs):
        end = _progression(runs, at)
        if len(runs) > MOST_STRETCHES and end - at > 4:
            parts.append(f"{', '.join(texts[at : at + 3])} … {texts[end - 1]}")
        else:
            parts += texts[at:end]
        at = end
    return ", ".join(parts) or "none"


def stretch(low: int, high: int) -> str:
    """``4``, ``4–9`` or ``−4 to 9``."""
    if low == high:
        return signed(low)
    # A dash between minus signs cannot be told from them.
    return f"{signed(low)} to {signed(high)}" if low < 0 else f"{low}–{high}"


def signed(value: int) -> str:
    """A whole number with a proper minus sign."""
    return f"−{-value}" if value < 0 else str(value)


def _progression(runs: Sequence[tuple[int, int]], at: int) -> int:
    """Where stretches of equal length stop following each other at equal distances."""
    end = at + 1
    while end < len(runs) and runs[end][1] - runs[end][0] == runs[at][1] - runs[at][0]:
        if end > at + 1 and runs[end][0] - runs[end - 1][0] != runs[at + 1][0] - runs[at][0]:
            break
        end += 1
    return end


def path(file: str) -> str:
    """A path relative to the working directory where it lies inside it."""
    return _relative(file, os.getcwd()) if file else ""


@lru_cache(maxsize=1024)
def _relative(file: str, folder: str) -> str:
    try:
        place = Path(file)
        # A link is called by its own name.
        return str((place.parent.resolve() / place.name).relative_to(folder))
    except (ValueError, OSError):
        return file


def line(place: Place | None) -> str:
    """``net.py:64``, or ``net.ipynb:cell 7:12``."""
    return f"{path(place.file)}:{place.at}" if place is not None else ""


def clean(text: Text) -> Text:
    """One row without characters that a terminal obeys: a submission's names and messages are
    shown, not followed. Its styles stay where they are."""
    shown = in_one_line(text.plain)
    if shown != text.plain:
        text.plain = shown
    return text


def underlined(source: str, line: int, column: int, length: int) -> tuple[Text, Text]:
    """A line of source, and under it a mark below ``length`` characters from ``column`` on."""
    number = str(line)
    marks = " " * (column - 1) + "^" * max(1, length)
    return (
        clean(Text(f"{number} │ ", style="dim").append(source, style="not dim")),
        Text(f"{' ' * len(number)} │ ", style="dim").append(marks, style="not dim red"),
    )


def cut(text: str, width: int) -> str:
    """A text cut in the middle to fit a width."""
    if len(text) <= width:
        return text
    if width < 4:
        return text[: max(width, 0)]
    head = (width - 1) // 2
    return f"{text[:head]}…{text[len(text) - (width - 1 - head) :]}"


LONGEST_LINE = 400
"""The longest line that is quoted in full."""


def source_line(place: Place) -> str | None:
    """The text of a place's line, None if the file cannot be read any more."""
    if place.cell is not None:
        cells = read_cells(place.file)
        lines = cells.lines if cells is not None else ()
        return _quoted(lines[place.line - 1]) if place.line <= len(lines) else None
    try:
        encoding = _encoding(place.file)
        with open(place.file, encoding=encoding, errors="replace") as file:  # noqa: PTH123
            for number, text in enumerate(file, 1):
                if number == place.line:
                    return _quoted(text)
    except OSError:
        typed = typed_lines(place.file)
        return _quoted(typed[place.line - 1]) if place.line <= len(typed) else None
    return None


def _encoding(name: str) -> str:
    """The encoding that a source declares, UTF-8 if it declares none that there is."""
    with open(name, "rb") as file:  # noqa: PTH123
        try:
            return tokenize.detect_encoding(file.readline)[0]
        except SyntaxError:
            return "utf-8"


def _quoted(text: str) -> str:
    return cut(text[:LONGEST_LINE].rstrip("\r\n").expandtabs(4), LONGEST_LINE - 1)
