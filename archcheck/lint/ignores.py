"""Comments that suppress findings: ``# archcheck: ignore[rule] reason``."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from archcheck.evidence import Passes
from archcheck.lint.base import Fault, Unknown
from archcheck.network import Place

_COMMENT = re.compile(r"#\s*archcheck:\s*ignore\b(?:\[([^\]]*)\])?")


@dataclass(frozen=True)
class Ignore:
    """A comment, and the rules that it names; none if it names none."""

    place: Place
    rules: tuple[str, ...]

    def covers(self, rule: str, found: Fault | Unknown) -> bool:
        """Whether it suppresses a rule's finding."""
        if rule not in self.rules or isinstance(found, Unknown):
            return False
        places = [*found.lines, *(where.place for where in found.locations)]
        return any(
            each.file == self.place.file
            and each.line <= self.place.line <= (each.end_line or each.line)
            for each in places
            if each is not None
        )


def ignores_in(passes: Passes) -> tuple[Ignore, ...]:
    """The comments in the files of a network, on lines that built or called a part of it."""
    found = [
        Ignore(
            passes.place(file, line, column + 1, column + 1 + len(comment.encode())),
            _rules(comment),
        )
        for file, text in passes.sources.items()
        if "archcheck:" in text
        for line, column, comment in _comments(text)
    ]
    touched = _touched(passes) if found else set()
    return tuple(each for each in found if (each.place.file, each.place.line) in touched)


def _touched(passes: Passes) -> set[tuple[str, int]]:
    places = set()
    for network in passes.networks:
        places |= {each for op in network.ops for each in (op.built, op.called)}
        places |= {module.built for module in network.modules}
        places |= {call.called for call in network.calls}
    return {
        (place.file, line)
        for place in places
        if place is not None
        for line in range(place.line, (place.end_line or place.line) + 1)
    }


def _comments(text: str) -> Iterator[tuple[int, int, str]]:
    """The line, the column from 0 and the text of each comment that ignores something."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):  # a notebook's commands: any line may be a comment
        for number, line in enumerate(text.splitlines(), 1):
            yield from _within(line, number, 0)
        return
    for token in tokens:
        if token.type == tokenize.COMMENT:
            yield from _within(token.string, *token.start)


def _within(text: str, line: int, column: int) -> Iterator[tuple[int, int, str]]:
    """The comments that ignore something in a line or a comment, each up to the next one."""
    starts = [found.start() for found in _COMMENT.finditer(text)]
    for start, end in pairwise([*starts, len(text)]):
        yield line, column + start, text[start:end].rstrip()


def _rules(comment: str) -> tuple[str, ...]:
    found = _COMMENT.match(comment)
    named = found[1] if found is not None and found[1] else ""
    return tuple(name.strip() for name in named.split(",") if name.strip())
