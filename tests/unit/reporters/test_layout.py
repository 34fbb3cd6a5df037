"""Lines end between words, within the width, and nothing is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from archcheck.reporters.layout import Cell, beside, flowed, hung, wrapped

WORDS = st.lists(st.text("abcxyz_-äß漢×%7", min_size=1, max_size=14), min_size=1, max_size=30)
WIDTHS = st.integers(min_value=32, max_value=100)


@given(WORDS, WIDTHS, st.integers(0, 4))
def test_sentences_are_wrapped_between_words(words: list[str], width: int, indent: int) -> None:
    lines = hung(Text(" ".join(words)), width, " " * indent, " " * (indent + 2))
    assert all(line.cell_len <= width for line in lines)
    assert " ".join(line.plain for line in lines).split() == words
    assert [line.plain[: indent + 2].strip() for line in lines[1:]] == [""] * (len(lines) - 1)


@given(WORDS, WIDTHS)
def test_parts_that_fit_stay_in_one_line(words: list[str], width: int) -> None:
    lines = flowed([Text(word) for word in words], width)
    assert all(line.cell_len <= width for line in lines)
    assert [word for line in lines for word in line.plain.split()] == words


@given(st.lists(WORDS, min_size=2, max_size=4))
def test_cells_beside_each_other_lose_nothing(columns: list[list[str]]) -> None:
    cells = [Cell(Text(" ".join(words)), 30, right=bool(n % 2)) for n, words in enumerate(columns)]
    lines = [line.plain for line in beside(cells, [0] + [3] * (len(cells) - 1))]
    found = sorted(word for line in lines for word in line.split())
    assert found == sorted(word for words in columns for word in words)


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("the map sees 31 × 31 of it", 16, ["the map sees", "31 × 31 of it"]),
        ("it takes about 31.5 M at 85 %", 19, ["it takes about", "31.5 M at 85 %"]),
        ("see models/students/anna_net.py", 20, ["see", "models/students/", "anna_net.py"]),
        ("x" * 20, 8, ["x" * 8, "x" * 8, "xxxx"]),
        ("", 8, [""]),
    ],
)
def test_where_a_line_ends(text: str, width: int, lines: list[str]) -> None:
    assert [line.plain for line in wrapped(Text(text), width)] == lines


def test_styles_stay_with_their_words() -> None:
    text = Text("plain words and ").append("red words at the end", style="red")
    red = [line.plain[span.start : span.end] for line in wrapped(text, 22) for span in line.spans]
    assert " ".join(red).split() == "red words at the end".split()
