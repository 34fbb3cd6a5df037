"""A report as people read it in a terminal: the verdict, the reason, the line, what to do."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from archcheck.fields.explain.growth import Growth
from archcheck.network.remarks import Remark
from archcheck.phrases import shape_text
from archcheck.plain_text import in_one_line, inert
from archcheck.reporters import formatting
from archcheck.reporters.findings import REMARK, ShownFinding, issues, remarks, shown
from archcheck.rules import Location
from archcheck.spec import Report

MARKS = {"passed": ("✓", "green"), "failed": ("✗", "red"), "not-verified": ("?", "yellow")}
MOST_LINES = 3
"""How many places of one finding are quoted."""
BAR_WIDTH = 20
"""The width of the longest bar of the picture of growth, in characters."""
_EIGHTHS = " ▏▎▍▌▋▊▉"


def print_report(report: Report, console: Console) -> None:
    """Print a report in full."""
    width = max(console.width, 60)
    _print(console, _header(report))
    for remark in remarks([report]):
        _print(console, Text(f"  {remark_text(remark.remark)}", style="dim"))
    if report.network is not None:
        console.print()
        for row in _rows(shown(report), width):
            _print(console, row)
    for issue in issues([report]):
        console.print()
        head, *rest = _details(issue)
        _print(console, head, wrap=True)
        for row in rest:
            _print(console, row)
    if report.output and report.network is None:
        console.print()
        _print(console, Text("  the last lines that it printed:", style="dim"))
        for line in report.output.splitlines()[-5:]:
            _print(console, Text(f"  │ {formatting.cut(line, width - 4)}", style="dim"))
    console.print()
    _print(console, _summary(report))


def remark_text(remark: Remark) -> str:
    """A remark and its line, in one line."""
    where = f" ({formatting.line(remark.place)})" if remark.place else ""
    return in_one_line(" ".join((remark.text + where).split()))


def finding_text(finding: ShownFinding) -> str:
    """What the full report says about one finding that does not hold, without colour."""
    rows = (formatting.clean(row).plain.rstrip() for row in _details(finding))
    return inert("\n".join(rows))


def print_concise(report: Report, console: Console) -> None:
    """One line a finding that does not hold: ``path:line:column: rule message``."""
    for finding in issues([report]):
        place = next((where.place for where in finding.locations if where.place), None)
        if place is None:
            where = f"{formatting.path(report.file) or report.name}:1:1"
        else:
            where = f"{formatting.path(place.file)}:{place.line}:{place.column or 1}"
        status = "not verified: " if finding.status == "not-verified" else ""
        kind = f"{finding.kind}: " if finding.kind else ""
        line = f"{where}: {finding.entry} {kind}{status}{finding.message}"
        _print(console, Text(" ".join(line.splitlines())))
    for remark in remarks([report]):
        first = remark.remark.place
        where = f"{formatting.path(report.file) or report.name}:1:1"
        if first is not None:
            where = f"{formatting.path(first.file)}:{first.line}:{first.column or 1}"
        text = " ".join(remark.remark.text.split())
        _print(console, Text(f"{where}: {REMARK} {text}"))


def _print(console: Console, text: Text, *, wrap: bool = False) -> None:
    # Sentences are wrapped in a terminal; lines for programs stay whole.
    console.print(
        formatting.clean(text), soft_wrap=not (wrap and console.is_terminal), highlight=False
    )


def _header(report: Report) -> Text:
    text = Text(_reference(report), style="bold")
    network = report.network
    if network is None:
        return text
    inputs = ", ".join(shape_text(network.shape(t)[1:]) for t in network.inputs)
    outputs = ", ".join(shape_text(network.sample_shape(t)) for _, t in network.outputs[:3])
    facts = [
        f"{inputs} → {outputs}",
        f"{network.num_parameters:,} parameters",
        f"{formatting.amount(network.macs)} MACs",
    ]
    return text.append("   " + "   ".join(facts), style="not bold")


def _reference(report: Report) -> str:
    return ":".join(part for part in (formatting.path(report.file), report.name) if part)


def _rows(findings: tuple[ShownFinding, ...], width: int) -> list[Text]:
    """One line a rule, in columns."""
    names = max(len(finding.entry) for finding in findings)
    widest_value = min(max(len(finding.verdict.found_text) for finding in findings), 24)
    widest_bound = min(max(len(finding.verdict.required) for finding in findings), 34)
    points = [points_of(finding) for finding in findings]
    widest = max(map(len, points))
    rows = []
    for finding, gained in zip(findings, points, strict=True):
        verdict = finding.verdict
        mark, colour = _mark(finding)
        text = Text("  ")
        text.append(f"{mark} ", style=colour)
        text.append(f"{finding.entry:<{names}}  ")
        text.append(
            f"{formatting.cut(verdict.found_text, widest_value):>{widest_value}}",
            style=colour if verdict.status != "passed" else "",
        )
        text.append(f"   {formatting.cut(verdict.required, widest_bound):<{widest_bound}}")
        if widest:
            text.append(f"   {gained:>{widest}}", style="dim" if verdict.status == "passed" else "")
        room = width - len(text.plain) - 3
        if verdict.note and room > 8:
            text.append(f"   {formatting.cut(verdict.note, room)}", style="dim")
        text.rstrip()
        rows.append(text)
    return rows


def _mark(finding: ShownFinding) -> tuple[str, str]:
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


def _details(finding: ShownFinding) -> list[Text]:
    verdict = finding.verdict
    mark, colour = _mark(finding)
    status = " not verified" if finding.status == "not-verified" else ""
    status += f" ({finding.kind})" if finding.kind else ""
    head = Text(f"{mark} {finding.entry}{status}", style=f"bold {colour}")
    message = " ".join(line.strip() for line in finding.message.splitlines())
    head.append(f": {message}", style="not bold default")
    rows = [head]
    if finding.own_reason:
        rows.append(Text(f"  {finding.own_reason}", style="dim"))
    locations = finding.locations[:MOST_LINES]
    quoted = [(where, formatting.source_line(where.place)) for where in locations if where.place]
    gutter = max((len(str(w.place.line)) for w, _ in quoted if w.place), default=2)
    for number, (where, source) in enumerate(quoted):
        rows += _quoted(where, source, gutter, verdict.hint if number == 0 else "")
    left = len(finding.locations) - len(locations)
    bar = Text(f"{' ' * gutter} │", style="dim")
    if left > 0:
        rows.append(bar + Text(f" and {left} more", style="dim"))
    if verdict.hint and not quoted:
        rows.append(Text(f"  {verdict.hint}", style="dim"))
    if verdict.growth:
        rows += [bar, *_growth(verdict.growth, verdict.needed, gutter)]
    return rows


def _quoted(where: Location, source: str | None, gutter: int, hint: str) -> list[Text]:
    assert where.place is not None
    pad = " " * gutter
    rows = [Text(f"{pad} ┌─ {formatting.line(where.place)}", style="dim")]
    if source is not None:
        row = Text(f"{where.place.line:>{gutter}} │ ", style="dim")
        rows.append(row.append(f"    {source.strip()}", style="not dim"))
    about = ", ".join(part for part in (where.label, hint) if part)
    if about:
        rows.append(Text(f"{pad} │ ", style="dim") + Text(f"    {about}", style="dim"))
    return rows


def _growth(rows: tuple[Growth, ...], needed: int | None, gutter: int) -> list[Text]:
    """A picture of where the field comes from."""
    widest = max([row.size for row in rows] + [needed or 0])
    digits = len(str(widest))
    names = min(max(len(row.name) for row in rows), 22)
    lines = []
    for row in rows:
        text = Text(f"{' ' * gutter} │ ", style="dim")
        text.append(f"{row.size:>{digits}}  ", style="not dim")
        text.append(f"{bar(row.size, widest):<{BAR_WIDTH}} ", style="not dim cyan")
        text.append(f"{formatting.cut(row.name, names):<{names}}", style="not dim")
        if row.added:
            text.append(f"  {f'+{row.added}':>{digits + 1}}  {row.what}", style="dim")
        text.rstrip()
        lines.append(text)
    if needed is not None:
        text = Text(f"{' ' * gutter} │ ", style="dim")
        text.append(f"{needed:>{digits}}  ", style="not dim")
        text.append(f"{bar(needed, widest):<{BAR_WIDTH}} ", style="not dim red")
        text.append("needed", style="not dim")
        lines.append(text)
    return lines


def bar(size: int, widest: int) -> str:
    """A bar of up to :data:`BAR_WIDTH` characters."""
    eighths = max(1, round(size / widest * BAR_WIDTH * 8))
    full, rest = divmod(eighths, 8)
    return "█" * full + (_EIGHTHS[rest] if rest else "")


def summary(report: Report) -> str:
    """The verdict in a sentence: how many rules failed, warned, could not be verified, hold."""
    # A bonus is not required: the points show whether it was earned.
    required = [
        finding for finding in report.findings if finding.level != "note"
    ] or report.findings
    counts = {"passed": 0, "failed": 0, "not-verified": 0, "warned": 0}
    for finding in required:
        if finding.verdict.status == "failed" and not finding.fails:
            counts["warned"] += 1
        else:
            counts[finding.verdict.status] += 1
    total = sum(not finding.aside for finding in required)
    rules = "rule" if total == 1 else "rules"
    parts = []
    if report.network is None:
        parts.append(report.outcome)
    elif counts["failed"]:
        parts.append(f"{counts['failed']} of {total} {rules} failed")
    if counts["warned"]:
        parts.append(f"{counts['warned']} warned")
    if counts["not-verified"]:
        parts.append(f"{counts['not-verified']} not verified")
    if counts["passed"]:
        hold = counts["passed"]
        parts.append(
            f"{hold} {'holds' if hold == 1 else 'hold'}"
            if parts
            else (f"all {total} {rules} hold" if total > 1 else "the rule holds")
        )
    if report.spec.skipped:
        parts.append(f"{len(report.spec.skipped)} left out")
    return ", ".join(parts)


def _summary(report: Report) -> Text:
    text = Text(summary(report), style=f"bold {'green' if report.passed else 'red'}")
    if report.points:
        text.append(f"      {report.points}", style="not bold default")
    if report.seconds:
        text.append(f"      {report.seconds:.1f} s", style="not bold dim default")
    return text
