"""Many networks: a line each, or a line for each that passes and the others in full."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from rich.console import Console
from rich.text import Text

from archcheck.network import Remark
from archcheck.reporters import formatting
from archcheck.reporters.layout import flowed, hung, sentence_width, widest
from archcheck.reporters.table import MARKS
from archcheck.reporters.text import print_report, reference, remark_text, summary
from archcheck.shipped_specs import shipped_name
from archcheck.spec import Report

LONGEST_NAME = 50
"""The width up to which names stand in a column."""


def print_brief(reports: Sequence[Report], console: Console) -> None:
    """Print reports: first those that pass, a line each, last how many do not."""
    passed = [report for report in reports if report.passed]
    failed = [report for report in reports if not report.passed]
    lines = _Lines(passed, sentence_width(console))
    for report in passed:
        seconds = f"{report.seconds:.1f} s" if report.seconds else ""
        _print(console, *lines.of(report, _spec(report), seconds), *lines.remarks(report))
    for number, report in enumerate(failed):
        if number or passed:
            console.print()
        spec = _spec(report)
        held = (Remark(f"held to {spec}"),) if spec else ()
        print_report(replace(report, remarks=(*held, *report.remarks)), console)
    if failed and len(reports) > 1:
        console.print()
        _print(console, _count(reports))


def print_overview(reports: Sequence[Report], console: Console) -> None:
    """Print a line for each report, its spec where there are several, and how many do not pass."""
    lines = _Lines(reports, sentence_width(console))
    several = len({_spec(report) for report in reports}) > 1
    for report in reports:
        _print(console, *lines.of(report, _spec(report) if several else ""))
    console.print()
    _print(console, _count(reports))


class _Lines:
    """The lines of reports, with names and specs in columns."""

    def __init__(self, reports: Sequence[Report], width: int) -> None:
        self._width = width
        self._names = min(widest(map(reference, reports)), LONGEST_NAME)
        self._specs = min(widest(map(_spec, reports)), LONGEST_NAME)

    def of(self, report: Report, spec: str, seconds: str = "") -> list[Text]:
        """The line of a network: whether it passes, its rules, its points."""
        parts = [
            Text(f"{reference(report):<{self._names}}", style="bold"),
            *[Text(f"{spec:<{self._specs}}", style="dim")] * bool(spec),
            Text(summary(report), style="" if report.passed else "red"),
            *[Text(str(report.points))] * bool(report.points),
            *[Text(seconds, style="dim")] * bool(seconds),
        ]
        rows = flowed(parts, self._width - 2, hang=0)
        mark, colour = MARKS["passed" if report.passed else "failed"]
        heads = [Text(f"{mark} ", style=colour), *[Text("  ")] * len(rows)]
        return [Text.assemble(head, row) for head, row in zip(heads, rows, strict=False)]

    def remarks(self, report: Report) -> Iterator[Text]:
        """The remarks on a network, below its line."""
        for remark in report.remarks:
            text = Text(remark_text(remark), style="dim")
            yield from hung(text, self._width, "  ", "    ")


def _count(reports: Sequence[Report]) -> Text:
    failed = sum(not report.passed for report in reports)
    if failed:
        return Text(f"{failed} of {len(reports)} networks failed", style="bold red")
    return Text(f"all {len(reports)} networks passed", style="bold green")


def _print(console: Console, *lines: Text) -> None:
    for line in lines:
        line.rstrip()
        console.print(line, soft_wrap=True, highlight=False)


def _spec(report: Report) -> str:
    """A shipped spec by its name, others by their path."""
    return shipped_name(report.spec.file) or formatting.path(report.spec.file)
