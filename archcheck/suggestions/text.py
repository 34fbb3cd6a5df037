"""What came of a search, as people and programs read it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from archcheck.phrases import how_many, some_of
from archcheck.project import in_project
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


def text(outcome: Outcome) -> str:
    """All of it, in lines."""
    return "".join(f"{line}\n" for line in _lines(outcome))


def _lines(outcome: Outcome) -> Iterator[str]:
    report = outcome.report
    yield f"{Path(report.file).name}:{report.name}"
    for finding in failing(report):
        verdict = finding.verdict
        yield f"  ✗ {finding.name}  {verdict.found_text}  {verdict.required}"
    if outcome.holds:
        yield "  every rule holds: there is nothing to suggest"
    for number, suggestion in enumerate(outcome.suggestions, 1):
        yield ""
        yield f"{number}  {suggestion.effect}"
        yield from (f"   {line}" for line in suggestion.diff.splitlines())
    yield ""
    yield from _conclusion(outcome)


def _conclusion(outcome: Outcome) -> Iterator[str]:
    if not outcome.holds and not outcome.suggestions:
        yield from _nothing(outcome)
    if outcome.left_out:
        names = some_of(outcome.left_out, 4)
        yield f"not looked at: {names}, which need more than the network's source"
    if outcome.interrupted:
        yield "interrupted: there may be better edits"
    if not outcome.holds:
        made = how_many(len(outcome.suggestions), "suggestion")
        writes = worded("; --apply 1 writes the first", "") if outcome.suggestions else ""
        yield f"{made} of {how_many(outcome.tried, 'edit')} tried{writes}"


def _nothing(outcome: Outcome) -> Iterator[str]:
    if not outcome.tried:
        yield "no layer that decides on these rules stands where it can be edited"
        for file, why in outcome.unreadable.items():
            yield f"  {near(file)}: {why}"
        return
    yield "no edit makes the whole spec hold"
    if outcome.closest is not None:
        effect, report = outcome.closest
        yield f"the closest is {effect}"
        for finding in failing(report):
            verdict = finding.verdict
            yield f"  ✗ {finding.name} is in the way: {verdict.message}"


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
