"""The lint as a rule: it holds where no error is found; each finding is an aside of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from archcheck.evidence import Needs, NotRun
from archcheck.lint.base import Fault, LintRule, Severity, Unknown
from archcheck.lint.ignores import ignores_in
from archcheck.lint.linted import Linted
from archcheck.lint.options import LintOptions
from archcheck.lint.rules.unused_ignore import UnusedIgnore, unused
from archcheck.phrases import how_many, some_of
from archcheck.rules.base import LEVELS, Aside, Level, Rule, Status, Subject, Verdict, not_verified

REQUIRED = "no error"
MOST_NAMED = 3
"""The most layers that a finding on several of them names."""
_LEVELS: dict[Severity, Level] = {"error": "error", "warning": "warning", "info": "note"}


class Lint(Rule):
    """
    ## What it does
    Looks for faults that a network has whatever it is meant for: each is a finding of its own,
    under the name of its lint rule. An error fails the run, a warning advises.

    ## Why it matters
    A network with such a fault runs and even learns, and does something else than was meant.

    ## Example
    ```yaml
    lint:
      ignore: [flatten-head]
      points: 10
    ```
    """

    name = "lint"
    summary = "Faults that a network has whatever it is meant for."
    Options = LintOptions

    def needs(self, options: Any) -> Needs:
        del options
        return Needs(passes=True)

    def check(self, subject: Subject, options: Any) -> Verdict:
        passes = subject.evidence.passes
        if passes is None:
            return not_verified(REQUIRED, "the network was not run in other ways")
        if isinstance(passes.single, NotRun) and isinstance(passes.several, NotRun):
            return not_verified(REQUIRED, passes.single.reason)
        asides = tuple(asides_of(Linted(passes, options.loss or ""), options))
        return verdict_on(asides, options)


def asides_of(linted: Linted, options: LintOptions) -> Iterator[Aside]:
    """The findings of the rules that are asked for, in the order of their lines."""
    alike: dict[tuple[object, ...], list[Aside]] = {}
    for rule, each in findings_of(linted, options):
        severity = options.severity_of(rule, each)
        if options.shows(rule, severity):
            aside = Aside(_told(each), _LEVELS[severity], rule.name)
            alike.setdefault((rule.name, severity, _line(aside)), []).append(aside)
    yield from sorted(map(_together, alike.values()), key=_line)


def _together(alike: list[Aside]) -> Aside:
    """One finding for those of a rule on one line, such as the layers that a loop has built."""
    alike = list(dict.fromkeys(alike))
    first = alike[0]
    if len(alike) == 1:
        return first
    names = list(dict.fromkeys(where.module for a in alike for where in a.verdict.locations[:1]))
    others = "once more" if len(alike) == 2 else f"{len(alike) - 1} more times"
    if len(names) == len(alike):
        others = f"of {some_of(names[1:], MOST_NAMED)}"
    verdict = replace(first.verdict, message=f"{first.verdict.message}; likewise {others}")
    return replace(first, verdict=verdict)


def findings_of(linted: Linted, options: LintOptions) -> Iterator[tuple[LintRule, Fault | Unknown]]:
    """What the rules find that no comment suppresses, and what is wrong with the comments."""
    rules = options.chosen
    comments = ignores_in(linted.passes) if options.ignores else ()
    used = set()
    for name, rule in rules.items():
        for found in rule.find(linted):
            by = [comment for comment in comments if comment.covers(name, found)]
            used |= {(comment, name) for comment in by}
            if not by:
                yield rule, found
    if UnusedIgnore.name in rules:
        for fault in unused(comments, used, rules):
            yield rules[UnusedIgnore.name], fault


def _told(found: Fault | Unknown) -> Verdict:
    if isinstance(found, Unknown):
        return not_verified("", found.reason, found.locations)
    return Verdict("failed", None, "", "", found.message, found.locations, hint=found.remedy)


def _line(aside: Aside) -> tuple[str, int]:
    places = (where.place for where in aside.verdict.locations)
    place = next(filter(None, places), None)
    return (place.file, place.line) if place is not None else ("", 0)


def verdict_on(asides: tuple[Aside, ...], options: LintOptions) -> Verdict:
    """The verdict that some findings come to."""
    counts = Counter(aside.level for aside in asides if aside.verdict.status == "failed")
    unknown = [aside for aside in asides if aside.verdict.status == "not-verified"]
    said = [how_many(counts[level], word) for level, word in LEVELS.items() if counts[level]]
    text = ", ".join(said)
    looked_for = how_many(len(options.chosen), "rule")
    if counts["error"]:
        status: Status = "failed"
    else:
        status = "not-verified" if unknown else "passed"
    message = f"{text or 'no fault'} by {looked_for}"
    if status == "not-verified":
        first = unknown[0]
        message = f"{first.rule} cannot tell: {first.verdict.message}"
    found = {word: counts[level] for level, word in LEVELS.items()}
    return Verdict(status, found, text or "none", REQUIRED, message, note=looked_for, asides=asides)


LINT = Lint()
