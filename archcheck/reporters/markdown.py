"""Markdown, for job summaries and comments on pull requests."""

from __future__ import annotations

from collections.abc import Sequence

from archcheck.markdown_text import escaped, table
from archcheck.reporters.findings import ShownFinding, issues, remarks, shown, title
from archcheck.reporters.table import MARKS, points_of
from archcheck.reporters.text import summary
from archcheck.spec import Report


def render(reports: Sequence[Report]) -> str:
    """A heading, a table of rules and the reasons, for each network."""
    return "\n".join(_section(report) for report in reports)


def _section(report: Report) -> str:
    points = f", {report.points}" if report.points else ""
    lines = [f"### {escaped(title(report))}", "", f"**{escaped(summary(report))}**{points}", ""]
    if report.network is not None:
        lines += _table(shown(report))
    for issue in issues([report]):
        lines.append(_item(issue))
    lines += [f"- **{each.name}**: {escaped(each.line_text)}" for each in remarks([report])]
    return "\n".join(lines).rstrip() + "\n"


def _table(findings: Sequence[ShownFinding]) -> list[str]:
    with_points = any(finding.points for finding in findings)
    titles = ["", "rule", "found", "required", *(["points"] if with_points else [])]
    rows = []
    for finding in findings:
        verdict = finding.verdict
        row = [MARKS[verdict.status][0], finding.entry, verdict.found_text, verdict.required]
        rows.append([*row, *([points_of(finding)] * with_points)])
    return [*table(titles, rows, "  n n"), ""]


def _item(issue: ShownFinding) -> str:
    kind = f" ({issue.kind})" if issue.kind else ""
    place = f"{issue.path}:{issue.regions[0].at}" if issue.regions else issue.path
    details = issue.details[: -1 if issue.points else None]  # the table has the points
    text = " ".join(
        part for part in (issue.reason, f"({'; '.join(details)})" * bool(details), place) if part
    )
    return f"- **{escaped(issue.name)}**{kind}: {escaped(text)}"
