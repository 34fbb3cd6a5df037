"""Many networks in a terminal: a line for each that passes, and the others in full."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console
from rich.text import Text

from archcheck.network.remarks import Remark
from archcheck.reporters import formatting
from archcheck.reporters.layout import flowed, hung, sentence_width, widest
from archcheck.reporters.text import print_report, remark_text, summary
from archcheck.shipped_specs import shipped_name
from archcheck.spec import Report

LONGEST_NAME = 50
"""The width up to which names stand in a column."""


def print_brief(reports: Sequence[Report], console: Console) -> None:
    """Print reports: first those that pass, a line each, last how many do not."""
    passed = [report for report in reports if report.passed]
    failed = [report for report in reports if not report.passed]
    names = min(widest(map(_name, passed)), LONGEST_NAME)
    specs = min(widest(map(_spec, passed)), LONGEST_NAME)
    for report in passed:
        for line in _held(report, names, specs, sentence_width(console)):
            console.print(line, soft_wrap=True, highlight=False)
    for number, report in enumerate(failed):
        if number or passed:
            console.print()
        spec = _spec(report)
        held = (Remark(f"held to {spec}"),) if spec else ()
        print_report(replace(report, remarks=(*held, *report.remarks)), console)
    if failed and len(reports) > 1:
        text = Text(f"{len(failed)} of {len(reports)} networks failed", style="bold red")
        console.print()
        console.print(text, highlight=False)


def _held(report: Report, names: int, specs: int, width: int) -> list[Text]:
    """The line of a network that passes, and its remarks."""
    parts = [
        Text(f"{_name(report):<{names}}", style="bold"),
        Text(f"{_spec(report):<{specs}}", style="dim"),
        Text(summary(report)),
    ]
    if report.points:
        parts.append(Text(f"   {report.points}"))
    if report.seconds:
        parts.append(Text(f"   {report.seconds:.1f} s", style="dim"))
    rows = flowed(parts, width - 2, hang=0)
    heads = [Text("✓ ", style="green"), *[Text("  ")] * len(rows)]
    lines = [Text.assemble(head, row) for head, row in zip(heads, rows, strict=False)]
    for remark in report.remarks:
        lines += hung(Text(remark_text(remark), style="dim"), width, "  ", "    ")
    return lines


def _name(report: Report) -> str:
    return ":".join(part for part in (formatting.path(report.file), report.name) if part)


def _spec(report: Report) -> str:
    """A shipped spec by its name, others by their path."""
    return shipped_name(report.spec.file) or formatting.path(report.spec.file)
