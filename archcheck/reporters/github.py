"""Workflow commands that GitHub Actions turns into annotations.

https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

from collections.abc import Sequence

from archcheck.reporters.findings import ShownFinding, ShownRemark, issues, remarks
from archcheck.spec import Report

COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def render(reports: Sequence[Report]) -> str:
    """One command a finding that does not hold, and a notice a remark."""
    commands = [
        _command(COMMANDS[issue.level], issue, _message(issue)) for issue in issues(reports)
    ]
    noticed = [_command("notice", remark, remark.text) for remark in remarks(reports)]
    return "".join(f"{command}\n" for command in (*commands, *noticed))


def _message(issue: ShownFinding) -> str:
    return "\n".join((issue.reason, *issue.details))


def _command(command: str, issue: ShownFinding | ShownRemark, message: str) -> str:
    properties: dict[str, str | int] = {"title": f"archcheck ({issue.name})"}
    if issue.path:
        properties |= {"file": issue.path, "line": issue.line}
    if issue.regions:
        first = issue.regions[0]
        properties["endLine"] = first.end_line
        if first.line == first.end_line:  # columns of two different lines are not shown
            properties |= {"col": first.column, "endColumn": first.end_column}
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{command} {listed}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str | int) -> str:
    return _data(str(value)).replace(":", "%3A").replace(",", "%2C")
