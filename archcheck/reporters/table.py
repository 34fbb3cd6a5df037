"""The verdicts of a report as a table: a row a rule, beside each other or, in a narrow terminal,
with what is required below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from archcheck.reporters.findings import OUTCOMES, ShownFinding
from archcheck.reporters.layout import Cell, beside, flowed, hung, longest_word, widest

MARKS = {"passed": ("✓", "green"), "failed": ("✗", "red"), "not-verified": ("?", "yellow")}
WIDEST_NAME = 24
WIDEST_VALUE = 24
WIDEST_BOUND = 34
"""The widths from which on names, values and bounds are wrapped."""
LEAST_BOUND = 18
LEAST_NOTE = 20
"""The widths below which bounds and notes do not stand beside each other."""
LONGEST_REASON = 60
"""The longest reason that stands in a row."""


@dataclass(frozen=True)
class Columns:
    """The widths of a table's columns; ``note`` is 0 where notes follow bounds in one column, and
    ``bound`` where both stand below the row."""

    name: int
    value: int
    points: int
    bound: int
    note: int


def verdict_rows(findings: Sequence[ShownFinding], width: int) -> list[Text]:
    """A row for each finding: its mark, name, value, bound, points and note."""
    columns = _columns(findings, width)
    rows = []
    for finding in findings:
        rows += _row(finding, columns) if columns.bound else _stacked(finding, columns, width)
    return rows


def _columns(findings: Sequence[ShownFinding], width: int) -> Columns:
    """As much beside each other as there is room for, without breaking a word."""
    names = [finding.entry for finding in findings]
    bounds = [finding.verdict.required for finding in findings]
    notes = [note_of(finding) for finding in findings]
    name = max(min(widest(names), WIDEST_NAME), longest_word(names))
    value = min(widest(finding.verdict.found_text for finding in findings), WIDEST_VALUE)
    points = widest(map(points_of, findings))
    room = width - (name + value + 9) - (points + 3 if points else 0)
    note = widest(notes)
    for widest_bound in (WIDEST_BOUND, LEAST_BOUND):
        bound = min(widest(bounds), max(widest_bound, longest_word(bounds)))
        left = room - bound - 3 if note else room - bound
        if left >= min(note, max(LEAST_NOTE, longest_word(notes))):
            return Columns(name, value, points, max(bound, 1), min(note, left))
    if room >= max(LEAST_BOUND + LEAST_NOTE // 2, longest_word([*bounds, *notes])):
        return Columns(name, value, points, room, 0)
    return Columns(name, value, points, 0, 0)


def _row(finding: ShownFinding, columns: Columns) -> list[Text]:
    mark, colour = mark_of(finding)
    if columns.note or not note_of(finding):
        bounds = [Text(finding.verdict.required)]
    else:
        bounds = flowed(_required(finding), columns.bound, hang=0)
    cells = [
        Cell(Text(mark, style=colour), 1),
        Cell(Text(finding.entry), columns.name),
        Cell(_value(finding), columns.value, right=True),
        Cell(bounds[0], columns.bound),
    ]
    gaps = [2, 1, 2, 3]
    if columns.points:
        cells.append(Cell(_points(finding), columns.points, right=True))
        gaps.append(3)
    if columns.note:
        cells.append(Cell(Text(note_of(finding), style="dim"), columns.note))
        gaps.append(3)
    below = " " * (columns.name + columns.value + 9)
    return beside(cells, gaps) + [Text(below).append_text(line) for line in bounds[1:]]


def _stacked(finding: ShownFinding, columns: Columns, width: int) -> list[Text]:
    """The figures in one line, and below it what is required and noted."""
    mark, colour = mark_of(finding)
    name = Text(finding.entry + " " * (columns.name - widest([finding.entry])))
    value = _value(finding)
    parts = [name, Text(" " * (columns.value - value.cell_len)).append_text(value)]
    if columns.points:
        points = _points(finding)
        parts.append(Text(" " * (columns.points - points.cell_len)).append_text(points))
    figures = flowed(parts, width - 4, gap=2)
    head = [Text("  ").append(f"{mark} ", style=colour), *[Text("    ")] * len(figures)]
    rows = [start + line for start, line in zip(head, figures, strict=False)]
    for line in flowed(_required(finding), width - 6, hang=0):
        rows += hung(line, width, " " * 6)
    return rows


def _required(finding: ShownFinding) -> list[Text]:
    note = note_of(finding)
    parts = [Text(finding.verdict.required)] if finding.verdict.required else []
    return parts + ([Text(note, style="dim")] if note else [])


def _value(finding: ShownFinding) -> Text:
    _, colour = mark_of(finding)
    style = "" if finding.holds else colour
    return Text(finding.verdict.found_text, style=style)


def _points(finding: ShownFinding) -> Text:
    return Text(points_of(finding), style="dim" if finding.holds else "")


def mark_of(finding: ShownFinding) -> tuple[str, str]:
    """The mark of a finding and its colour: red is kept for what fails the run."""
    mark, colour = MARKS[finding.status]
    if finding.status == "failed" and not finding.fails:
        colour = "yellow" if finding.level == "warning" else "dim"
    return mark, colour


def points_of(finding: ShownFinding) -> str:
    """What a rule gives, in a column: ``10/10``, ``0/20``, ``+200``."""
    points = finding.points
    parts = [f"{points.earned:,}/{points.possible:,}"] if points.possible else []
    if points.bonus_possible:
        missed = "" if points.bonus else f"/{points.bonus_possible:,}"
        parts.append(f"+{points.bonus:,}{missed}")
    return " ".join(parts)


def told_in_its_row(finding: ShownFinding) -> bool:
    """Whether a row says all that there is to say of a finding that could not be verified."""
    verdict = finding.verdict
    more = (finding.own_reason, verdict.locations, verdict.hint, verdict.growth)
    short = len(finding.message) <= LONGEST_REASON
    return finding.status == "not-verified" and short and not any(more)


def note_of(finding: ShownFinding) -> str:
    """What a row notes beside its figures: nothing that is told below the table again."""
    verdict = finding.verdict
    if told_in_its_row(finding):
        prefix = OUTCOMES["warning"] if finding.level == "warning" else ""
        return f"{prefix}{finding.message}"
    told_below = finding.status == "not-verified" or verdict.note == verdict.message
    return "" if told_below and not finding.holds else verdict.note
