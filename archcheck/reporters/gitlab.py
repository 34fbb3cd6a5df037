"""GitLab's code quality report.

https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archcheck.reporters.data import dumps
from archcheck.reporters.findings import (
    ShownFinding,
    ShownRemark,
    fingerprints,
    issues,
    remarks,
    title,
)
from archcheck.spec import Report

SEVERITIES = {"error": "major", "warning": "minor", "note": "info"}


def render(reports: Sequence[Report]) -> str:
    """A list with one entry a finding that does not hold, and one a remark."""
    findings: list[ShownFinding | ShownRemark] = [*issues(reports), *remarks(reports)]
    marks = fingerprints(findings)
    return dumps([_entry(issue, mark) for issue, mark in zip(findings, marks, strict=True)])


def _severity(issue: ShownFinding | ShownRemark) -> str:
    if isinstance(issue, ShownRemark):
        return "info"
    return "critical" if issue.report.network is None else SEVERITIES[issue.level]


def _entry(issue: ShownFinding | ShownRemark, mark: str) -> dict[str, Any]:
    rule = issue.name if isinstance(issue, ShownRemark) else issue.rule
    name = issue.name if issue.name.startswith(rule) else f"{rule} ({issue.name})"
    return {
        # GitLab shows the rule's name nowhere else.
        "description": f"{name}: {issue.text}",
        "check_name": rule,
        "fingerprint": mark,
        "severity": _severity(issue),
        "location": {"path": issue.path or title(issue.report), "lines": {"begin": issue.line}},
    }
