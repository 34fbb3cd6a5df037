"""Texts of networks and specs, made harmless to terminals and build logs: shown, never obeyed."""

from __future__ import annotations

import re
from collections.abc import Callable

_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters, line breaks that are none of ours, marks that turn the direction of writing,
and halves of surrogate pairs: what a name that is no UTF-8 leaves behind, and no file takes."""
_BREAKS = str.maketrans("\n\t", "\N{REPLACEMENT CHARACTER}" * 2)
_COMMAND = re.compile(r"(?m)^(?:[^\S\n]|\x1b\[[0-9;]*m)*:(?=:)|#(?=#\w*\[)")
"""The first character of what build servers take for a command: GitHub's ``::error::`` where a line
begins, and ``##[error]``, ``##vso[...]`` or ``##teamcity[...]`` anywhere."""


def plain(text: str) -> str:
    """A text without control characters, but for line breaks and tabs."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def in_one_line(text: str) -> str:
    """A text without control characters, line breaks and tabs."""
    return plain(text).translate(_BREAKS)


def inert(text: str, escape: Callable[[str], str] = "{} ".format) -> str:
    """A text without commands to build servers.

    ``escape`` is given the first character of each and takes its place; by default a space follows.
    """
    return _COMMAND.sub(lambda match: match[0][:-1] + escape(match[0][-1]), text)
