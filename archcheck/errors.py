"""Errors of files, and the words that messages share."""

from __future__ import annotations

import os
from collections.abc import Iterable
from difflib import get_close_matches


class FileError(Exception):
    """A file cannot be read, or its content is wrong.

    ``line`` and ``column`` count from 1, ``length`` is the number of characters at fault,
    ``source`` the text of that line. There is no line for something that is missing.
    ``others`` are further errors that were found with it.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str = "",
        line: int | None = None,
        column: int | None = None,
        length: int = 1,
        source: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.column = column
        self.length = length
        self.source = source
        self.others: tuple[FileError, ...] = ()

    def __str__(self) -> str:
        where = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        return f"{where}: {self.message}" if where else self.message


class UnknownKey(KeyError):
    """There is nothing of that name; the message says what there is."""

    def __str__(self) -> str:
        """The message itself: a KeyError would show it in quotes."""
        return str(self.args[0])


def nearest(word: str, valid: Iterable[str], cutoff: float = 0.6) -> str:
    """The nearest valid word, empty if none is near."""
    return next(iter(get_close_matches(word, list(valid), 1, cutoff)), "")


def did_you_mean(word: str, *, quoted: bool = True) -> str:
    """The question whether a word was meant, empty without a word."""
    name = f'"{word}"' if quoted else word
    return f"; did you mean {name}?" if word else ""


def closest(word: str, valid: Iterable[str], *, quoted: bool = True) -> str:
    """The question whether the nearest valid word was meant, empty if none is near."""
    return did_you_mean(nearest(word, valid), quoted=quoted)


def system_error(error: OSError) -> str:
    """The message of an error of the system, with the file."""
    file = f"{error.filename}: " if error.filename else ""
    return f"{file}{error.strerror or error}"


def internal_error(error: Exception) -> str:
    """The message of an error of archcheck itself; raises it if ARCHCHECK_TRACEBACK is set."""
    if os.environ.get("ARCHCHECK_TRACEBACK"):
        raise error
    return (
        f"archcheck itself failed: {type(error).__name__}: {error}\n"
        "this is a bug; run again with ARCHCHECK_TRACEBACK=1 and report what it prints"
    )
