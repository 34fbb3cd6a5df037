"""What came of a search, as people and programs read it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.text import Text

from archcheck.phrases import how_many, some_of
from archcheck.project import in_project
from archcheck.reporters.formatting import clean
from archcheck.reporters.layout import hung, sentence_width
from archcheck.reporters.table import MARKS
from archcheck.reporters.text import reference
from archcheck.shell_words import worded
from archcheck.spec import Report
from archcheck.suggestions.effects import Effect
from archcheck.suggestions.search import failing
from archcheck.suggestions.suggest import Outcome, Suggestion
from archcheck.worker.reference import near

VERSION = 1
"""Of the data."""


def diff_text(outcome: Outcome) -> str:
    """The best suggestion as a unified diff; empty if there is none."""
    return outcome.suggestions[0].diff if outcome.suggestions else ""


def print_outcome(outcome: Outcome, console: Console) -> None:
    """Print all of it, as people read it."""
    for row in _rows(outcome, sentence_width(console)):
        console.print(clean(row), soft_wrap=True, highlight=False)


def _rows(outcome: Outcome, width: int) -> Iterator[Text]:
    report = outcome.report
    yield Text(reference(report), style="bold")
    yield from _failing(report, width)
    for number, suggestion in enumerate(outcome.suggestions, 1):
        yield Text()
        yield from hung(Text(str(suggestion.effect)), width, Text(f"{number}  "), Text("   "))
        yield from (_diff_row(line) for line in suggestion.diff.splitlines())
    yield Text()
    for sentence in _conclusion(outcome):
        yield from hung(Text(sentence), width, "", "  ")


def _failing(report: Report, width: int) -> Iterator[Text]:
    """What fails, a row each."""
    wrong = failing(report)
    names = max((len(finding.name) for finding in wrong), default=0)
    for finding in wrong:
        verdict = finding.verdict
        mark, colour = MARKS[verdict.status]
        row = f"{finding.name:{names}}  {verdict.found_text}   {verdict.required}"
        yield from hung(Text(row), width, Text(f"  {mark} ", style=colour), "    ")


def _diff_row(line: str) -> Text:
    colours = {"+": "green", "-": "red", "@": "dim"}
    return Text(f"   {line}", style=colours.get(line[:1], ""))


def _conclusion(outcome: Outcome) -> Iterator[str]:
    if outcome.holds:
        yield "nothing fails: there is nothing to suggest"
    elif not outcome.suggestions:
        yield from _nothing(outcome)
    if outcome.left_out:
        names = some_of(outcome.left_out, 4)
        yield f"not looked at: {names}, which need more than the network itself"
    if outcome.interrupted:
        yield "interrupted: there may be better edits"
    if not outcome.holds:
        made = how_many(len(outcome.suggestions), "suggestion")
        writes = worded("; --apply 1 writes the first", "") if outcome.suggestions else ""
        yield f"{made} of {how_many(outcome.tried, 'edit')} tried{writes}"


def _nothing(outcome: Outcome) -> Iterator[str]:
    report = outcome.report
    if not outcome.tried:
        yield "no layer that decides on this stands where it can be edited"
    elif outcome.closest is None:
        yield "no edit makes the whole spec hold, or comes closer to it"
    else:
        effect, report = outcome.closest
        yield f"no edit makes the whole spec hold; the closest: {effect}"
    for file, why in outcome.unreadable.items():
        yield f"{near(file)}: {why}"
    for finding in failing(report):
        yield f"{finding.name} stands in the way: {finding.verdict.message}"


def as_dict(outcome: Outcome) -> dict[str, Any]:
    """All of it as plain data."""
    closest = outcome.closest
    return {
        "version": VERSION,
        "network": ":".join(
            part for part in (in_project(outcome.report.file), outcome.report.name) if part
        ),
        "holds": outcome.holds,
        "failing": _rules(outcome.report),
        "suggestions": [
            _suggestion(number, each) for number, each in enumerate(outcome.suggestions, 1)
        ],
        "closest": None
        if closest is None
        else {"effect": _effect(closest[0]), "failing": _rules(closest[1])},
        "not_looked_at": list(outcome.left_out),
        "tried": outcome.tried,
        "interrupted": outcome.interrupted,
    }


def _rules(report: Report) -> list[dict[str, Any]]:
    return [
        {
            "rule": finding.rule,
            "name": finding.name,
            "found": finding.verdict.found,
            "required": finding.verdict.required,
            "message": finding.message,
        }
        for finding in failing(report)
    ]


def _suggestion(number: int, suggestion: Suggestion) -> dict[str, Any]:
    return {
        "number": number,
        "places": [{"file": in_project(file), "line": line} for file, line in suggestion.places],
        "summary": str(suggestion.effect),
        "effect": _effect(suggestion.effect),
        "diff": suggestion.diff,
    }


def _effect(effect: Effect) -> dict[str, Any]:
    return {
        "changes": [
            {
                "layers": list(each.layers),
                "attributes": [
                    {"name": name, "before": before, "after": after}
                    for name, before, after in each.attributes
                ],
            }
            for each in effect.changed
        ],
        "rules": [
            {"name": name, "before": before, "after": after} for name, before, after in effect.rules
        ],
        "parameters": list(effect.parameters),
        "macs": list(effect.macs),
        "shapes": effect.shapes,
    }
