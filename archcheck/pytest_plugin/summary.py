"""What the submissions of a run earn, from the reports of their rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from archcheck.phrases import by_name
from archcheck.plain_text import in_one_line, inert
from archcheck.reporters.formatting import cut
from archcheck.spec import Points
from archcheck.spec.points import added

LONGEST_NAME = 48
"""The longest name of a submission, in characters."""


@dataclass
class _Submission:
    rules: int
    whole: Points
    earned: dict[str, Points] = field(default_factory=dict)
    """By node id: a rule that is run again does not count twice."""
    broken: bool = False

    def text(self) -> str:
        points = added(self.earned.values())
        ran = len(self.earned)
        if not ran:
            text = "none of the rules ran"
        elif ran < self.rules:
            text = f"{points or 'no points'} of the rules that ran ({ran} of {self.rules})"
        else:
            text = str(points)
        return f"{text}   could not be run" if self.broken else text

    @property
    def full(self) -> bool:
        points = added(self.earned.values())
        return len(self.earned) == self.rules and points.earned == points.possible


class Tally:
    """Counts reports."""

    def __init__(self) -> None:
        self._submissions: dict[str, _Submission] = {}
        self._asides: dict[str, Sequence[str]] = {}
        self._remarks: dict[str, Sequence[str]] = {}
        """By submission."""

    def add(
        self,
        nodeid: str,
        facts: Mapping[str, Any],
        properties: Iterable[tuple[str, object]],
    ) -> None:
        """Count the report of one rule."""
        whole = Points(possible=facts["points_possible"], bonus_possible=facts["bonus_possible"])
        submission = self._submissions.setdefault(
            facts["submission"], _Submission(facts["rules"], whole)
        )
        submission.broken |= not facts["runs"]
        self._asides[nodeid] = facts["asides"]
        self._remarks[facts["submission"]] = facts["remarks"]
        if facts["rule"] == 0:
            return
        points: dict[str, Any] = dict(properties)
        submission.earned[nodeid] = Points(
            points.get("points", 0),
            points.get("points_possible", 0),
            points.get("bonus", 0),
            points.get("bonus_possible", 0),
        )

    def asides(self) -> list[str]:
        """What was noticed beside the rules' answers, a line each."""
        asides = sorted(self._asides.items())
        return [
            inert(f"{in_one_line(nodeid)}: warning: {text}")
            for nodeid, texts in asides
            for text in texts
        ]

    def remarks(self) -> list[str]:
        """What else is to be told of the submissions, a line each."""
        names = sorted(self._remarks, key=by_name)
        told = [(name, text) for name in names for text in sorted(self._remarks[name])]
        return [inert(f"{in_one_line(name)}: remark: {text}") for name, text in told]

    def lines(self) -> list[tuple[str, bool]]:
        """One line a submission, and whether it has all points; nothing where none are given."""
        listed = sorted(self._submissions, key=by_name)
        counted = [name for name in listed if self._submissions[name].whole]
        names = {name: cut(in_one_line(name), LONGEST_NAME) for name in counted}
        width = max(map(len, names.values()), default=0)
        return [
            (f"{names[name]:<{width}}   {each.text()}", each.full)
            for name, each in ((name, self._submissions[name]) for name in counted)
        ]
