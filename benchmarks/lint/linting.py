"""What archcheck's lint says of the networks, and whether that is what it has to say."""

from __future__ import annotations

from typing import Any, NamedTuple

from archcheck import verify
from benchmarks.lint.catalogue import FAULTY, Case, Marked, Report


class Finding(NamedTuple):
    """A finding of a lint rule, and its first line in the file."""

    rule: str
    level: str
    line: int


class Answer(NamedTuple):
    """What a report's faulty network got: the marks that nothing names, and what else was told."""

    unnamed: list[Marked]
    others: list[Finding]


def findings(case: Case, name: str, **options: Any) -> list[Finding]:
    """All errors and warnings on one of the networks; options are those of a spec's lint."""
    lint = {"loss": case.loss, **options} if case.loss else options
    with case.built(name) as network:
        report = verify(network, {"input": case.input, "lint": lint})
    found = []
    for finding in report.findings:
        if finding.aside:
            places = [where.place for where in finding.verdict.locations]
            line = places[0].line if places and places[0] is not None else 0
            found.append(Finding(finding.rule, finding.level, line))
    return found


def answer(report: Report) -> Answer:
    """What is found in a report's faulty network, beside what its file marks."""
    found = findings(report, FAULTY)
    unnamed = [mark for mark in report.marks if mark.due and not _named(mark, found)]
    others = [each for each in found if not any(_named(mark, [each]) for mark in report.marks)]
    return Answer(unnamed, others)


def _named(mark: Marked, found: list[Finding]) -> bool:
    lines = (mark.line, *mark.others)
    return any(each.rule in mark.rules and each.line in lines for each in found)
