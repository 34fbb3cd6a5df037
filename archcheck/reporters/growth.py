"""Where a field comes from, as a picture: a bar for each step of the path that sets it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from archcheck.fields.explain.growth import Growth
from archcheck.reporters.layout import LEAST, Cell, beside, longest_word, widest

BAR_WIDTH = 20
"""The width of the longest bar, in characters."""
NARROW_BAR = 8
NARROWEST_BAR = 4
"""Its widths where there is little room: words are wrapped, or would be broken."""
LEAST_WORDS = 19
"""The room for what a step does that bars yield to."""
_EIGHTHS = " ▏▎▍▌▋▊▉"


def picture(rows: Sequence[Growth], needed: int | None, gutter: int, width: int) -> list[Text]:
    """A picture beside the quoted lines of a finding; last, what is needed."""
    lines = bars(rows, width - gutter - 3, needed)
    return [Text.assemble((f"{' ' * gutter} │ ", "dim"), line) for line in lines]


def bars(rows: Sequence[Growth], width: int, needed: int | None = None) -> list[Text]:
    """A line for each step: the size, a bar, the name, what it adds and by what."""
    largest = max([row.size for row in rows] + [needed or 0])
    digits = len(str(largest))
    added = max((len(f"+{row.added}") for row in rows if row.added), default=0)
    room = width - (digits + 2 + 1 + 2 + added + 2)
    bar_width, names, words = _shares(rows, room)
    gaps = (0, 2, 1, 2, 2)
    lines = []
    for row in rows:
        cells = (
            Cell(Text(str(row.size)), digits, right=True),
            Cell(Text(bar(row.size, largest, bar_width), style="cyan"), bar_width),
            Cell(Text(row.name), names),
            Cell(Text(f"+{row.added}" if row.added else "", style="dim"), added, right=True),
            Cell(Text(row.what if row.added else "", style="dim"), words),
        )
        lines += beside(cells, gaps)
    if needed is not None:
        size = Cell(Text(str(needed)), digits, right=True)
        drawn = Cell(Text(bar(needed, largest, bar_width), style="red"), bar_width)
        lines += beside((size, drawn, Cell(Text("needed"), max(names, 6))), gaps[:3])
    return lines


def _shares(rows: Sequence[Growth], room: int) -> tuple[int, int, int]:
    """The widths of bars, names and words: bars yield first, then words are wrapped, then names."""
    names = widest(row.name for row in rows)
    words = widest(row.what for row in rows)
    least_words = longest_word(row.what for row in rows)
    bar_width = min(BAR_WIDTH, max(NARROW_BAR, room - names - min(words, LEAST_WORDS)))
    bar_width = min(bar_width, max(NARROWEST_BAR, room - names - least_words))
    names = min(names, max(LEAST, room - bar_width - least_words))
    return bar_width, names, max(LEAST, room - bar_width - names)


def bar(size: int, largest: int, width: int = BAR_WIDTH) -> str:
    """A bar of up to ``width`` characters."""
    eighths = max(1, round(size / largest * width * 8))
    full, rest = divmod(eighths, 8)
    return "█" * full + (_EIGHTHS[rest] if rest else "")
