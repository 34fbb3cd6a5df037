"""One table of a TOML file, and the line on which each of its keys stands.

The parser of the standard library does not say where keys stand. It finds them all the same: the
text up to the end of a statement is TOML, the text up to the middle of one is not.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archcheck.config.errors import ConfigError
from archcheck.limited_file import read_at_most
from archcheck.project import PROJECT_FILE

TABLE = ("tool", "archcheck")
MOST_BYTES = 1 << 26
"""More is not read of any file."""
LARGEST_FILE = 1 << 20
"""Larger files are not read, in bytes."""

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class TomlTable:
    """The table ``[tool.archcheck]`` of a file, and the file's text."""

    file: Path
    data: dict[str, Any]
    text: str = field(repr=False, default="")

    def error(self, message: str, path: KeyPath = ()) -> ConfigError:
        """An error at a key of the table, or at the nearest one above it."""
        whole: KeyPath = (*TABLE, *path)
        statement = _statement(self.text, whole)
        if statement is None:
            return ConfigError(message, file=shown(self.file))
        lines = self.text.split("\n")
        there = whole[: len(TABLE) + _depth(self.data, path)]
        keys = [part for part in there if isinstance(part, str)]
        place = _key_in(lines, statement, keys[-1])
        if place is None:
            return ConfigError(message, file=shown(self.file), line=statement[0] + 1)
        number, column, length = place
        return ConfigError(
            message,
            file=shown(self.file),
            line=number + 1,
            column=column + 1,
            length=length,
            source=lines[number].rstrip("\r"),
        )


def find_table(start: Path | None = None) -> TomlTable | None:
    """The table of the closest ``pyproject.toml`` that has one, from a folder upward, by default
    the working directory; None if none has.

    Raises:
        ConfigError: if that file cannot be read.
        OSError: if the working directory is gone.
    """
    here = Path.cwd() if start is None else start.absolute()
    for folder in (here, *here.parents):
        file = folder / PROJECT_FILE
        table = read_table(file) if file.is_file() else None
        if table is not None:
            return table
    return None


def read_table(file: Path) -> TomlTable | None:
    """The table of a file; None if the file has none.

    Raises:
        ConfigError: if the file mentions archcheck and cannot be read.
    """
    try:
        raw = read_at_most(file, MOST_BYTES)
    except OSError as error:
        raise ConfigError(f"{shown(file)} cannot be read: {error.strerror}") from None
    if TABLE[1].encode() not in raw:
        return None  # most files are others' business, whatever is in them
    if len(raw) > LARGEST_FILE:
        raise ConfigError(f"{shown(file)} is too large to be read ({len(raw):,} bytes)")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ConfigError("this is not UTF-8 text", file=shown(file), line=line) from None
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _broken(file, text, str(error)) from None
    except RecursionError:
        raise ConfigError("this is nested too deeply", file=shown(file)) from None
    table: Any = data
    for number, key in enumerate(TABLE):
        if not isinstance(table, dict) or key not in table:
            return None
        table = table[key]
        if not isinstance(table, dict) and number:
            found = TomlTable(file, {}, text)
            raise found.error(f"[{'.'.join(TABLE)}] is a table, not {kind(table)}")
    return TomlTable(file, table, text)


def kind(value: Any) -> str:
    """What a value is, in TOML's words."""
    if isinstance(value, bool):
        return "true" if value else "false"
    for types, name in (
        (str, "a string"),
        ((int, float), "a number"),
        (dict, "a table"),
        (list, "a list"),
    ):
        if isinstance(value, types):
            return name
    return "a date or time"


def shown(file: Path) -> str:
    """A file as people call it: relative to the working directory where it lies inside it."""
    try:
        return str(file.relative_to(os.getcwd()))
    except (ValueError, OSError):
        return str(file)


# -- places ----------------------------------------------------------------------------------


def _broken(file: Path, text: str, message: str) -> ConfigError:
    match = re.search(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$", message)
    reason = message[: match.start()] if match else message
    lines = text.split("\n")
    number = int(match[1]) if match and match[1] else max(len(text.rstrip().split("\n")), 1)
    source = lines[number - 1].rstrip("\r")
    column = int(match[2]) if match and match[2] else len(source) + 1
    return ConfigError(
        f"this is not TOML: {reason[:1].lower()}{reason[1:]}",
        file=shown(file),
        line=number,
        column=column,
        source=source,
    )


def _statement(text: str, path: KeyPath) -> tuple[int, int] | None:
    """The lines (from 0, the last one excluded) of the statement that brings a key, or the
    nearest one above it that is not the table itself."""
    lines = text.split("\n")

    def parsed(end: int) -> Any:
        try:
            return tomllib.loads("\n".join(lines[:end]) + "\n")
        except tomllib.TOMLDecodeError:
            return None

    whole = parsed(len(lines))
    depth = _depth(whole, path)
    if depth < len(TABLE):
        return None
    wanted = path[:depth]
    low, high = 0, len(lines)  # up to low it is not there, up to high it is
    while True:
        middle = (low + high) // 2
        # The nearest end of a statement: backward, and where there is none, forward.
        ends = [*range(middle, low, -1), *range(middle + 1, high)]
        end, data = next(
            ((end, data) for end in ends if (data := parsed(end)) is not None), (0, None)
        )
        if data is None:
            return low, high
        if _depth(data, wanted) == depth:
            high = end
        else:
            low = end


def _depth(data: Any, path: KeyPath) -> int:
    """How many keys of a path are there."""
    for depth, part in enumerate(path):
        if isinstance(part, int):
            there = isinstance(data, list) and part < len(data)
        else:
            there = isinstance(data, dict) and part in data
        if not there:
            return depth
        data = data[part]
    return len(path)


def _key_in(
    lines: Sequence[str], stretch: tuple[int, int], key: str
) -> tuple[int, int, int] | None:
    """Line, column and length of a key, if it stands once among some lines."""
    quoted = re.escape(key)
    written = re.compile(rf"(?<![\w-])(\"{quoted}\"|'{quoted}'|{quoted})(?=\s*[=.\]])")
    places = [
        (number, match.start(1), len(match[1]))
        for number in range(*stretch)
        for match in written.finditer(lines[number])
    ]
    return places[0] if len(places) == 1 else None
