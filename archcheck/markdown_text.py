"""Texts and tables in Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from archcheck.plain_text import plain

_MEANING = re.compile(r"([\\`*_\[\]<>|~&:@$#])")
"""Characters that have a meaning in the middle of a line and are escaped."""


def escaped(text: str) -> str:
    """Text in one line, escaped so that Markdown shows it literally."""
    text = _MEANING.sub(r"\\\1", " ".join(plain(text).split()))
    return re.sub(r"(?i)\bwww\.", lambda match: match[0][:-1] + r"\.", text)


def table(titles: Sequence[str], rows: Sequence[Sequence[str]], numbers: str = "") -> list[str]:
    """The lines of a table. ``numbers`` has an ``n`` for each column whose cells stand on the
    right, and anything else for the others; the cells are escaped here."""
    kinds = numbers.ljust(len(titles))[: len(titles)]
    sides = ["---:" if kind == "n" else "---" for kind in kinds]
    cells = [list(titles), sides, *([escaped(cell) for cell in row] for row in rows)]
    return [f"| {' | '.join(row)} |" for row in cells]
