"""Messages on standard error fit a terminal, and stay whole in a pipe."""

from __future__ import annotations

import pytest

from archcheck.cli.streams import wrapped_lines

PATH = "/a/rather/long/path/that/is-wider/than/the/whole/terminal/network.py"
TEXT = f"error: there is nothing in {PATH} that could be a network\nwhat follows\n"


@pytest.mark.parametrize("width", [50, 80])
def test_a_message_is_wrapped_between_words_and_never_in_a_path(width: int) -> None:
    lines = wrapped_lines(TEXT, width)
    assert all(len(line) <= width or line.strip() == PATH for line in lines)
    assert any(PATH in line for line in lines)
    assert lines[1].startswith("  ") and lines[-2:] == ["what follows", ""]
    assert " ".join(" ".join(lines).split()) == " ".join(TEXT.split())


def test_a_message_in_a_pipe_keeps_its_lines() -> None:
    assert wrapped_lines(TEXT, None) == TEXT.split("\n")
