"""Reports as JSON: one document, or a line a network."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from archcheck.plain_text import inert

if TYPE_CHECKING:
    from archcheck.spec import Report

VERSION = 1
_ESCAPED = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Characters that JSON allows unescaped, but that may control a terminal or end a line."""
_HALVES = re.compile("[\ud800-\udfff]")


def render(reports: Sequence[Report]) -> str:
    """One JSON document: the report, or an object with all ``reports`` where there are several."""
    if len(reports) == 1:
        return dumps(reports[0].as_dict())
    passed = all(report.passed for report in reports)
    data = [report.as_dict() for report in reports]
    return dumps({"version": VERSION, "passed": passed, "reports": data})


def render_lines(reports: Sequence[Report]) -> str:
    """JSON Lines: the report on one network a line."""
    return "".join(dumps(report.as_dict(), indent=None) for report in reports)


def dumps(data: Any, *, indent: int | None = 2) -> str:
    """JSON without what controls a terminal or a build server, with a line break at its end."""
    text = json.dumps(data, indent=indent, ensure_ascii=False)
    text = _HALVES.sub("\N{REPLACEMENT CHARACTER}", text)
    return inert(_ESCAPED.sub(lambda match: _escape(match[0]), text), _escape) + "\n"


def _escape(character: str) -> str:
    return f"\\u{ord(character):04x}"


def escaped(text: str) -> str:
    """The same JSON in ASCII, for encodings that lack some of its characters."""
    return re.sub("[^\x00-\x7f]", lambda match: json.dumps(match[0])[1:-1], text)
