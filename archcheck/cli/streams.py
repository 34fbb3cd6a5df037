"""Standard output that survives a reader who has gone away."""

from __future__ import annotations

import codecs
import os
import sys
from typing import IO, Any, cast

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
"""What stands for a character that a stream cannot show. A question mark is a verdict here."""


class Output:
    """Standard output, except that writing to a closed pipe does nothing.

    Whether a network passes does not depend on whether somebody reads the report to its end.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._gone = False

    def write(self, text: str) -> int:
        """Write text, unless nobody reads any more."""
        if not self._gone:
            try:
                self._stream.write(text)
            except BrokenPipeError:
                self._give_up()
        return len(text)

    def flush(self) -> None:
        """Hand on what was written, unless nobody reads any more."""
        if not self._gone:
            try:
                self._stream.flush()
            except BrokenPipeError:
                self._give_up()

    def _give_up(self) -> None:
        self._gone = True
        # What is still in the stream's buffer is written somewhere when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def print_text(text: str) -> None:
    """Write text to standard output."""
    sys.stdout.write(text)
    sys.stdout.flush()


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_PLAIN.get(character, "?") for character in text), error.end


def prepare() -> None:
    """Make both streams take any character, and standard output any reader."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started the command
            stream = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
            setattr(sys, name, stream)
        elif hasattr(stream, "reconfigure"):
            # A terminal that cannot show a character shows another, not a traceback.
            codecs.register_error("archcheck.plain", _plain)
            stream.reconfigure(errors="archcheck.plain")
    sys.stdout = cast("Any", Output(sys.stdout))
