"""Many networks in a terminal: a line for each that passes, and the others in full."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console
from rich.text import Text

from archcheck.network.remarks import Remark
from archcheck.reporters import formatting
from archcheck.reporters.text import print_report, remark_text, summary
from archcheck.shipped_specs import shipped_name
from archcheck.spec import Report

LONGEST_NAME = 50
"""The width that names are cut to."""


def print_brief(reports: Sequence[Report], console: Console) -> None:
    """Print reports: first those that pass, a line each, last how many do not."""
    passed = [report for report in reports if report.passed]
    failed = [report for report in reports if not report.passed]
    names = [formatting.cut(_name(report), LONGEST_NAME) for report in passed]
    specs = [formatting.cut(_spec(report), LONGEST_NAME) for report in passed]
    for report, name, spec in zip(passed, names, specs, strict=True):
        text = Text("✓ ", style="green")
        text.append(f"{name:<{max(map(len, names))}}", style="bold not green")
        text.append(f"   {spec:<{max(map(len, specs))}}", style="dim default")
        text.append(f"   {summary(report)}", style="default")
        if report.points:
            text.append(f"      {report.points}", style="default")
        if report.seconds:
            text.append(f"      {report.seconds:.1f} s", style="dim default")
        console.print(formatting.clean(text), soft_wrap=True, highlight=False)
        for remark in report.remarks:
            noted = Text(f"  {remark_text(remark)}", style="dim")
            console.print(formatting.clean(noted), soft_wrap=True, highlight=False)
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


def _name(report: Report) -> str:
    return ":".join(part for part in (formatting.path(report.file), report.name) if part)


def _spec(report: Report) -> str:
    """A shipped spec by its name, others by their path."""
    return shipped_name(report.spec.file) or formatting.path(report.spec.file)
