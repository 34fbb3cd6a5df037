"""Standard output that survives a closed pipe."""

from __future__ import annotations

import codecs
import os
import shutil
import sys
from typing import IO, Any, cast

from archcheck.plain_text import inert, plain

_PLAIN = {
    "✓": "+",
    "✗": "x",
    "×": "x",
    "→": ">",
    "›": ">",
    "…": "...",
    "–": "-",
    "−": "-",
    "│": "|",
    "┌": "-",
    "─": "-",
    **dict.fromkeys("▏▎▍", "."),
    **dict.fromkeys("▌▋▊▉█", "#"),
}
"""Substitutes for characters that a stream cannot encode. A question mark would be a verdict."""


class Output:
    """Standard output, except that writing to a closed pipe does nothing.

    The exit code does not depend on whether the report is read to its end.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._gone = False

    def write(self, text: str) -> int:
        """Write text, unless the pipe is closed."""
        if not self._gone:
            try:
                self._stream.write(text)
            except BrokenPipeError:
                self._give_up()
        return len(text)

    def flush(self) -> None:
        """Flush what was written, unless the pipe is closed."""
        if not self._gone:
            try:
                self._stream.flush()
            except BrokenPipeError:
                self._give_up()

    def _give_up(self) -> None:
        self._gone = True
        # The interpreter flushes the stream's buffer when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def print_text(text: str) -> None:
    """Write text to standard output."""
    sys.stdout.write(text)
    sys.stdout.flush()


def wrapped_lines(text: str, width: int | None) -> list[str]:
    """The lines of a message: between words where they are wider, the rest of each indented; whole
    without a width. A word, such as a path, is never parted."""
    if width is None:
        return text.split("\n")
    import textwrap

    words = textwrap.TextWrapper(
        width,
        subsequent_indent="  ",
        replace_whitespace=False,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line for row in text.split("\n") for line in words.wrap(row) or [row]]


def print_message(text: str) -> None:
    """Write text of our own to standard error; what it quotes is shown, not obeyed."""
    width = shutil.get_terminal_size().columns if sys.stderr.isatty() else None
    sys.stderr.write(inert(plain("\n".join(wrapped_lines(text, width)))))
    sys.stderr.flush()


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_PLAIN.get(character, "?") for character in text), error.end


def prepare() -> None:
    """Make both streams accept any character, and standard output survive a closed pipe."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # the command was started with it closed
            stream = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
            setattr(sys, name, stream)
        elif hasattr(stream, "reconfigure"):
            # A character that cannot be encoded is replaced; it must not raise.
            codecs.register_error("archcheck.plain", _plain)
            stream.reconfigure(errors="archcheck.plain")
    sys.stdout = cast("Any", Output(sys.stdout))
