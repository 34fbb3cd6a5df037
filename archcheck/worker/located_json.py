"""JSON in which some strings know where in the file they stand."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

Parser = Callable[[str, int], tuple[Any, int]]
"""Reads a value of a text from an offset on; returns it and the offset behind it."""
_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


class Text(str):
    """A string, and the offset of its first character in the file."""

    offset: int


def parsed(text: str, parser: Parser) -> Any:
    """The value that a whole text is.

    Raises:
        json.JSONDecodeError: if it is no JSON.
    """
    value, end = parser(text, _behind_space(text, 0))
    if _behind_space(text, end) != len(text):
        raise json.JSONDecodeError("Extra data", text, end)
    return value


def anything(text: str, at: int) -> tuple[Any, int]:
    """Any value; a string knows where it stands."""
    value, end = _DECODER.raw_decode(text, at)
    if isinstance(value, str):
        value = Text(value)
        value.offset = at + 1
    return value, end


def array_of(item: Parser) -> Parser:
    """Reads an array whose items are read by ``item``; any other value as it is."""

    def read(text: str, at: int) -> tuple[Any, int]:
        if not text.startswith("[", at):
            return anything(text, at)
        values: list[Any] = []
        at = _behind_space(text, at + 1)
        while not text.startswith("]", at):
            at = _separated(text, at, bool(values))
            value, at = item(text, at)
            values.append(value)
            at = _behind_space(text, at)
        return values, at + 1

    return read


def object_of(members: Mapping[str, Parser]) -> Parser:
    """Reads an object, of which some members are read by parsers of their own."""

    def read(text: str, at: int) -> tuple[Any, int]:
        if not text.startswith("{", at):
            return anything(text, at)
        values: dict[str, Any] = {}
        at = _behind_space(text, at + 1)
        while not text.startswith("}", at):
            at = _separated(text, at, bool(values))
            key, at = anything(text, at)
            at = _behind_space(text, at)
            if not isinstance(key, str) or not text.startswith(":", at):
                raise json.JSONDecodeError("Expecting ':' delimiter", text, at)
            values[key], at = members.get(key, anything)(text, _behind_space(text, at + 1))
            at = _behind_space(text, at)
        return values, at + 1

    return read


def _separated(text: str, at: int, follows: bool) -> int:
    """The offset of the next item, behind a comma if it follows another."""
    if not follows:
        return at
    if not text.startswith(",", at):
        raise json.JSONDecodeError("Expecting ',' delimiter", text, at)
    return _behind_space(text, at + 1)


def _behind_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return at if space is None else space.end()
