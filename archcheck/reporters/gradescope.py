"""The results file of a Gradescope autograder.

https://gradescope-autograders.readthedocs.io/en/latest/specs/
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archcheck.plain_text import plain
from archcheck.reporters.data import dumps
from archcheck.reporters.findings import ShownFinding, remarks, sentence, shown, title
from archcheck.reporters.text import summary
from archcheck.spec import Report
from archcheck.spec.points import exact_sum


def render(reports: Sequence[Report]) -> str:
    """The results: a test a rule, with its points.

    Where a spec gives no points, each rule that the run depends on counts one. A bonus is a test
    out of 0 points, and a rule that only advises has no score.
    """
    tests: list[dict[str, Any]] = []
    for report in reports:
        for finding in shown(report):
            name = finding.name if len(reports) == 1 else f"{title(report)}: {finding.name}"
            tests.append(_test(finding, name, len(tests) + 1))
    lines = [line for report in reports for line in _lines(report)]
    return dumps(
        {
            "score": exact_sum(test["score"] for test in tests if "score" in test),
            "execution_time": round(sum(report.seconds for report in reports), 3),
            "output": plain("\n".join(lines)),
            "output_format": "text",
            "test_output_format": "text",
            "visibility": "visible",
            "stdout_visibility": "hidden",
            "tests": tests,
        }
    )


def _lines(report: Report) -> list[str]:
    """The outcome of a report and its remarks."""
    noticed = [f"{each.name}: {each.line_text}" for each in remarks([report])]
    return [f"{title(report)}: {summary(report)}{_points(report)}", *noticed]


def render_crash(message: str) -> str:
    """The results if nothing could be graded: the spec is wrong, a file is missing."""
    test = {
        "name": "archcheck",
        "number": "1",
        "score": 0,
        "max_score": 0,
        "status": "failed",
        "output": plain(message),
        "output_format": "text",
        "visibility": "visible",
    }
    return dumps(
        {
            "score": 0,
            "output": plain(f"This could not be graded: {message}"),
            "output_format": "text",
            "visibility": "visible",
            "stdout_visibility": "hidden",
            "tests": [test],
        }
    )


def _points(report: Report) -> str:
    return f" ({report.points})" if report.points else ""


def _test(finding: ShownFinding, name: str, number: int) -> dict[str, Any]:
    holds = finding.holds
    test: dict[str, Any] = {"name": plain(name), "number": str(number)}
    if finding.points:
        points = finding.points
        test |= {"score": points.total, "max_score": points.possible}
    elif not finding.report.points and finding.level == "error":
        test |= {"score": int(holds), "max_score": 1}
    if holds or finding.level == "error":
        test["status"] = "passed" if holds else "failed"
    return {
        **test,
        "output": _output(finding),
        "output_format": "text",
        "tags": [finding.rule],
        "visibility": "visible",
    }


def _output(finding: ShownFinding) -> str:
    verdict = finding.verdict
    facts = verdict.found_text
    if verdict.required:
        facts += f", required: {verdict.required}"
    lines = [facts]
    if not finding.holds:
        lines.append(finding.outcome)
        lines += [sentence(verdict.hint)] if verdict.hint else []
    return plain("\n".join(lines))
