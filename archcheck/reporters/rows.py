"""CSV, for spreadsheets: a row a network.

Text that a spreadsheet would take for a formula has an apostrophe before it, as spreadsheets
themselves write it: https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO

from archcheck.plain_text import in_one_line, inert, plain
from archcheck.reporters.findings import ShownFinding, issues, remarks, shown
from archcheck.reporters.regions import relative
from archcheck.shipped_specs import shipped_name
from archcheck.spec import Report
from archcheck.spec.report import OUTCOMES

COLUMNS = (
    *("file", "network", "spec", "verdict", "points", "points possible", "bonus", "bonus possible"),
    *("parameters", "macs", "reason", "remarks"),
)
"""The columns of any run; behind them each rule has two, its status and its value."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What begins a formula, in full width too."""

Cell = str | int | float | None


def render(reports: Sequence[Report]) -> str:
    """A heading, and a row for each report. Rules are those of all specs of the run."""
    answers = [{each.name: each for each in shown(report) if _is_rule(each)} for report in reports]
    rules = list(dict.fromkeys(name for found in answers for name in found))
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    heads = [f"{rule}: {what}" for rule in rules for what in ("status", "value")]
    writer.writerow([_safe(cell) for cell in (*COLUMNS, *heads)])
    for report, found in zip(reports, answers, strict=True):
        cells = [*_common(report), *(cell for rule in rules for cell in _answer(found.get(rule)))]
        writer.writerow([_safe(cell) for cell in cells])
    return inert(text.getvalue())


def _is_rule(finding: ShownFinding) -> bool:
    """Whether it is a rule's answer: not why a network could not be run, nor an aside."""
    return finding.rule not in OUTCOMES and not finding.finding.aside


def _common(report: Report) -> tuple[Cell, ...]:
    network, points = report.network, report.points
    return (
        relative(report.file),
        report.name,
        shipped_name(report.spec.file) or relative(report.spec.file) or report.spec.title,
        _verdict(report),
        *((points.earned, points.possible) if points.possible else (None, None)),
        *((points.bonus, points.bonus_possible) if points.bonus_possible else (None, None)),
        *((network.num_parameters, network.macs) if network is not None else (None, None)),
        _reason(report),
        "; ".join(remark.line_text for remark in remarks([report])),
    )


def _reason(report: Report) -> str:
    """Why a network was not run, else why rules do not hold."""
    if report.network is None:
        return report.findings[0].message
    return "; ".join(f"{each.entry}: {each.message}" for each in issues([report]))


def _verdict(report: Report) -> str:
    if report.network is None:
        return "not run"
    return "passed" if report.passed else "failed"


def _answer(finding: ShownFinding | None) -> tuple[Cell, Cell]:
    if finding is None:
        return None, None
    found = finding.verdict.found
    if isinstance(found, (int, float)) and not isinstance(found, bool):
        return finding.status, found
    return finding.status, None if found is None else finding.verdict.found_text


def _safe(cell: Cell) -> Cell:
    """A cell that a spreadsheet shows as it is: text in one line, and never a formula."""
    if not isinstance(cell, str):
        return cell
    text = in_one_line(plain(cell))
    return f"'{text}" if text.startswith(_FORMULA) else text
