"""GitLab's code quality report.

https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archcheck.reporters.data import dumps
from archcheck.reporters.findings import ShownFinding, fingerprints, issues, title
from archcheck.spec import Report

SEVERITIES = {"error": "major", "warning": "minor", "note": "info"}


def render(reports: Sequence[Report]) -> str:
    """A list with one entry a finding that does not hold."""
    findings = list(issues(reports))
    marks = fingerprints(findings)
    return dumps([_entry(issue, mark) for issue, mark in zip(findings, marks, strict=True)])


def _entry(issue: ShownFinding, mark: str) -> dict[str, Any]:
    severity = SEVERITIES[issue.level]
    return {
        # GitLab shows the rule's name nowhere else.
        "description": f"{issue.name}: {issue.text}",
        "check_name": issue.rule,
        "fingerprint": mark,
        "severity": "critical" if issue.report.network is None else severity,
        "location": {"path": issue.path or title(issue.report), "lines": {"begin": issue.line}},
    }
