"""A report as people read it in a terminal: the verdict, the reason, the line, what to do."""

from __future__ import annotations

from io import StringIO

from rich.console import Console
from rich.text import Text

from archcheck.network import Remark
from archcheck.phrases import how_many
from archcheck.plain_text import in_one_line, inert
from archcheck.reporters import formatting
from archcheck.reporters.findings import REMARK, ShownFinding, remarks, shown, told
from archcheck.reporters.growth import picture
from archcheck.reporters.layout import UNLIMITED, flowed, hung, sentence_width, table_width
from archcheck.reporters.table import mark_of, told_in_its_row, verdict_rows
from archcheck.rules import Location
from archcheck.rules.base import LEVELS
from archcheck.spec import Finding, Report

MOST_LINES = 3
"""How many places of one finding are quoted."""


def print_report(report: Report, console: Console) -> None:
    """Print a report in full, wrapped to the console's width."""
    width = sentence_width(console)
    _print(console, *_header(report, width))
    for remark in remarks([report]):
        text = Text(remark_text(remark.remark), style="dim")
        _print(console, *hung(text, width, "  ", "    "))
    if report.network is not None:
        rows = [each for each in shown(report) if not each.finding.aside]
        if not report.spec.only_lint:
            console.print()
            _print(console, *verdict_rows(rows, table_width(console)))
    for issue in told(report):
        if not (report.network is not None and told_in_its_row(issue)):
            console.print()
            _print(console, *_details(issue, width))
    if report.output and report.network is None:
        console.print()
        _print(console, *_last_lines(report.output, width))
    console.print()
    _print(console, *_summary(report, width))


def report_text(report: Report, width: int, *, colour: bool) -> str:
    """A report in full, in lines of some width, for whatever shows it."""
    buffer = StringIO()
    console = Console(
        file=buffer,
        width=width,
        color_system="standard" if colour else None,
        force_terminal=colour,
        force_jupyter=False,
        no_color=not colour,
    )
    print_report(report, console)
    return inert("".join(f"{line.rstrip()}\n" for line in buffer.getvalue().splitlines()))


def _last_lines(output: str, width: int) -> list[Text]:
    rows = [Text("  the last lines that it printed:", style="dim")]
    for line in output.splitlines()[-5:]:
        text = Text(formatting.cut(line, formatting.LONGEST_LINE), style="dim")
        rows += hung(text, width, Text("  │ ", style="dim"), Text("  │   ", style="dim"))
    return rows


def remark_text(remark: Remark) -> str:
    """A remark and its line, in one line."""
    where = f" ({formatting.line(remark.place)})" if remark.place else ""
    return in_one_line(" ".join((remark.text + where).split()))


def finding_text(finding: ShownFinding) -> str:
    """What the full report says about one finding that does not hold, without colour."""
    rows = (row.plain.rstrip() for row in _details(finding))
    return inert("\n".join(rows))


def print_concise(report: Report, console: Console) -> None:
    """One line a finding that does not hold: ``path:line:column: rule message``."""
    for finding in told(report):
        place = next((where.place for where in finding.locations if where.place), None)
        if place is None:
            where = f"{formatting.path(report.file) or report.name}:1:1"
        else:
            where = f"{formatting.path(place.file)}:{place.at}:{place.column or 1}"
        status = "not verified: " if finding.status == "not-verified" else ""
        kind = f"{finding.kind}: " if finding.kind else ""
        line = f"{where}: {finding.entry} {kind}{status}{finding.message}"
        _print(console, Text(" ".join(line.splitlines())))
    for remark in remarks([report]):
        first = remark.remark.place
        where = f"{formatting.path(report.file) or report.name}:1:1"
        if first is not None:
            where = f"{formatting.path(first.file)}:{first.at}:{first.column or 1}"
        text = " ".join(remark.remark.text.split())
        _print(console, Text(f"{where}: {REMARK} {text}"))


def _print(console: Console, *rows: Text) -> None:
    for row in rows:
        console.print(formatting.clean(row), soft_wrap=True, highlight=False)


def _header(report: Report, width: int) -> list[Text]:
    """What was checked, and its figures."""
    parts = [Text(reference(report), style="bold")]
    network = report.network
    if network is not None:
        parts += [
            Text(network.shapes),
            *(Text(f"{name}: {other.shapes}") for name, other in report.variants),
            Text(f"{network.num_parameters:,} parameters"),
            Text(f"{formatting.amount(network.macs)} MACs"),
        ]
    return flowed(parts, width)


def reference(report: Report) -> str:
    """``net.py:Net``."""
    return ":".join(part for part in (formatting.path(report.file), report.name) if part)


def _details(finding: ShownFinding, width: int = UNLIMITED) -> list[Text]:
    """Why a finding does not hold, the lines that it is about, and what leads there."""
    verdict = finding.verdict
    mark, colour = mark_of(finding)
    status = " not verified" if finding.status == "not-verified" else ""
    status += f" ({finding.kind})" if finding.kind else ""
    head = Text(f"{finding.entry}{status}", style=f"bold {colour}")
    message = " ".join(line.strip() for line in finding.message.splitlines())
    head.append(f": {message}", style="not bold default")
    rows = hung(head, width, Text(f"{mark} ", style=f"bold {colour}"))
    if finding.own_reason:
        rows += hung(Text(finding.own_reason, style="dim"), width, "  ")
    locations = finding.locations[:MOST_LINES]
    quoted = [(where, formatting.source_line(where.place)) for where in locations if where.place]
    gutter = max((len(str(w.place.number)) for w, _ in quoted if w.place), default=2)
    for number, (where, source) in enumerate(quoted):
        rows += _quoted(where, source, gutter, verdict.hint if number == 0 else "", width)
    left = len(finding.locations) - len(locations)
    bar = Text(f"{' ' * gutter} │", style="dim")
    if left > 0:
        rows.append(bar + Text(f" and {left} more", style="dim"))
    if verdict.hint and not quoted:
        rows += hung(Text(verdict.hint, style="dim"), width, "  ")
    if verdict.growth:
        rows += [bar, *picture(verdict.growth, verdict.needed, gutter, width)]
    return rows


def _quoted(where: Location, source: str | None, gutter: int, hint: str, width: int) -> list[Text]:
    """A line of the author's, and what is said about it."""
    assert where.place is not None
    pad = " " * gutter
    bar = Text(f"{pad} │     ", style="dim")
    place = Text(formatting.line(where.place), style="dim")
    rows = hung(place, width, Text(f"{pad} ┌─ ", style="dim"), bar)
    if source is not None:
        number = Text(f"{where.place.number:>{gutter}} │     ", style="dim")
        rows += hung(Text(source.strip()), width, number, bar + Text("    "))
    about = ", ".join(part for part in (where.label, hint) if part)
    if about:
        rows += hung(Text(about, style="dim"), width, bar, bar)
    return rows


def summary(report: Report) -> str:
    """The verdict in a sentence: how many rules failed, warned, could not be verified, hold."""
    return ", ".join(_counts(report))


def _counts(report: Report) -> list[str]:
    """The rows of a report, how_many: rules by what became of them, then other findings."""
    if report.network is not None and report.spec.only_lint:
        return [report.findings[0].verdict.message]
    rules = [_outcome(finding) for finding in report.findings if not finding.aside]
    if report.network is None:
        rules = rules[1:]  # the first finding is why nothing could be verified
    noticed = [finding.level for finding in report.findings if finding.aside]
    total, hold = len(rules), rules.count("hold")
    of_all = f"of {how_many(total, 'rule')}"
    parts = []
    if report.network is None:
        parts.append(report.outcome)
    elif "failed" in rules:
        parts.append(f"{rules.count('failed')} {of_all} failed")
    parts += [f"{rules.count(word)} {word}" for word in ("warned", "not verified") if word in rules]
    if hold and parts:
        parts.append(f"{hold} {'holds' if hold == 1 else 'hold'}")
    elif hold:
        every = f"all {how_many(total, 'rule')} hold" if total > 1 else "the rule holds"
        parts.append(
            every if hold == total else f"{hold} {of_all} {'holds' if hold == 1 else 'hold'}"
        )
    if "bonus" in rules:
        parts.append(f"{how_many(rules.count('bonus'), 'bonus', 'bonuses')} not earned")
    parts += [
        how_many(noticed.count(level), f"other {word}")
        for level, word in LEVELS.items()
        if level in noticed
    ]
    if report.spec.skipped:
        parts.append(f"{len(report.spec.skipped)} left out")
    return parts


def _outcome(finding: Finding) -> str:
    """What became of a rule, in a word. A bonus is not required."""
    if finding.verdict.status == "passed":
        return "hold"
    if finding.level == "note":
        return "bonus"
    if finding.verdict.status == "not-verified":
        return "not verified"
    return "failed" if finding.fails else "warned"


def _summary(report: Report, width: int) -> list[Text]:
    style = f"bold {'green' if report.passed else 'red'}"
    *counts, last = _counts(report)
    rows = flowed(
        [Text(text, style=style) for text in (*(f"{c}," for c in counts), last)], width, gap=1
    )
    parts = []
    if report.points:
        parts.append(Text(f"{report.points}"))
    if report.seconds:
        parts.append(Text(f"{report.seconds:.1f} s", style="dim"))
    if rows[-1].cell_len + 6 * len(parts) + sum(part.cell_len for part in parts) <= width:
        return [*rows[:-1], *flowed([rows[-1], *parts], width, gap=6)]
    return rows + [Text("  ").append_text(row) for row in flowed(parts, width - 2, gap=6, hang=0)]
