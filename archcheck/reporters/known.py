"""The baseline of a lint: findings that are known, and stay quiet.

A finding is known by its rule, its network, its file, its layer and the text of its line, so that
edits elsewhere in the file change nothing; equal ones are counted.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from archcheck.lint import LINT, LintOptions, all_lint_rules
from archcheck.lint.judge import verdict_on
from archcheck.reporters.findings import ShownFinding, shown, title
from archcheck.rules.base import Aside
from archcheck.spec import Finding, Report

VERSION = 1
_KEYS = ("network", "rule", "file", "layer", "line")


@dataclass(frozen=True, order=True)
class Known:
    """What a finding is known by."""

    network: str
    rule: str
    file: str
    layer: str
    line: str


Baseline = Counter[Known]


def parsed(text: str) -> Baseline:
    """A baseline from its text.

    Raises:
        ValueError: if it is none.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is no baseline: {error}") from error
    if not isinstance(data, dict) or data.get("version") != VERSION:
        raise ValueError("it is no baseline of this version")
    try:
        return Counter(
            {
                Known(*[str(each[key]) for key in _KEYS]): int(each["count"])
                for each in data["findings"]
            }
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError("an entry of the baseline is incomplete") from error


def written(baseline: Baseline) -> str:
    """The text of a baseline, an entry a finding, in order."""
    findings: list[dict[str, Any]] = [
        {**{key: getattr(known, key) for key in _KEYS}, "count": count}
        for known, count in sorted(baseline.items())
    ]
    return (
        json.dumps({"version": VERSION, "findings": findings}, indent=1, ensure_ascii=False) + "\n"
    )


def found_in(reports: Iterable[Report]) -> Baseline:
    """All that lints found."""
    return Counter(_known(each) for report in reports for each in _linted(report))


def without_known(report: Report, baseline: Baseline) -> Report:
    """A report without the findings that are known; more of a kind than there were are new."""
    left = Counter(baseline)
    quiet = set()
    for number, each in enumerate(shown(report)):
        known = _known(each) if _is_linted(each) else None
        if known is not None and left[known] > 0:
            left[known] -= 1
            quiet.add(number)
    kept = [each for number, each in enumerate(report.findings) if number not in quiet]
    return replace(report, findings=tuple(_judged_anew(kept)))


def shrunk(baseline: Baseline, reports: Sequence[Report], rules: Collection[str]) -> Baseline:
    """A baseline without what some reports no longer find, of their networks and of the rules that
    were looked for."""
    found = found_in(reports)
    networks = {title(report) for report in reports if report.network is not None}
    kept = {
        known: min(count, found[known])
        if known.network in networks and known.rule in rules
        else count
        for known, count in baseline.items()
    }
    return +Counter(kept)


def _linted(report: Report) -> Iterable[ShownFinding]:
    return filter(_is_linted, shown(report))


def _is_linted(each: ShownFinding) -> bool:
    return each.finding.aside and each.status == "failed" and each.rule in all_lint_rules()


def _known(each: ShownFinding) -> Known:
    region = each.regions[0] if each.regions else None
    layer, line = (region.module, " ".join(region.source.split())) if region else ("", "")
    return Known(title(each.report), each.rule, each.path, layer, line)


def _judged_anew(findings: Sequence[Finding]) -> Iterable[Finding]:
    """Findings with the lint's verdict on those that are left."""
    rules = all_lint_rules()
    asides = tuple(
        Aside(each.verdict, each.noticed, each.rule)
        for each in findings
        if each.noticed is not None and each.rule in rules
    )
    for each in findings:
        if each.rule == LINT.name and isinstance(each.options, LintOptions):
            yield replace(each, verdict=verdict_on(asides, each.options))
        else:
            yield each
