"""What ``rf`` shows, as text: the field at a location, one unit's set, the path that sets it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import prod

from rich.console import Console
from rich.text import Text

from archcheck.fields import Field, Region, UnitField, UnknownField
from archcheck.fields.explain.effective import Effective
from archcheck.fields.explain.growth import Growth, by_block, window_words
from archcheck.fields.explain.path import HIGH, LOW, FieldPath
from archcheck.fields.explain.summary import Summary, elsewhere
from archcheck.network import Network, Op
from archcheck.network.remarks import remarks_on
from archcheck.phrases import shape_text, size_text, some_of
from archcheck.reporters import formatting
from archcheck.reporters.growth import bars
from archcheck.reporters.inspection import heading
from archcheck.reporters.layout import flowed, indented, sentence_width, table_width

LABEL_WIDTH = 15
"""The width of the column of labels."""
MOST_LAYERS = 32
"""The most rows that a path is shown in; one a layer where they suffice."""
MOST_BOXES = 12
"""The most parts of a set that are listed."""


Names = Sequence[str]
"""What the axes of an input are called."""


def print_field(summary: Summary, console: Console) -> None:
    """Print a summary."""
    network = summary.rf.network
    for line in heading(network, sentence_width(console)):
        _print(console, line)
    for remark in remarks_on(network):
        _print(console, Text(f"  {remark}", style="yellow"))
    _print(console, Text(""))
    _print(
        console,
        Text(f"at {summary.location.name}", style="bold").append(_about(summary), style="not bold"),
    )
    for row in _figures(summary):
        _print(console, row)
    _print(console, Text(""))
    where = ",".join(map(str, summary.unit.unit)) or "the only one"
    of = f" of {shape_text(summary.field.shape)}" if summary.field.shape else ""
    _print(console, Text(f"unit {where}", style="bold").append(of, style="not bold"))
    names = summary.field.input.position_names
    for row in _unit_rows(summary.unit, summary.without_gates, names):
        _print(console, row)
    if summary.effective is not None:
        for row in _effective(summary, summary.effective):
            _print(console, row)
    for text in _paths(network, summary.paths, names, table_width(console)):
        _print(console, text)
    for row in _elsewhere(summary):
        _print(console, row)


def print_unknown(network: Network, at: str, error: UnknownField, console: Console) -> None:
    """Print why a field is not known."""
    for line in heading(network, sentence_width(console)):
        _print(console, line)
    for remark in remarks_on(network):
        _print(console, Text(f"  {remark}", style="yellow"))
    _print(console, Text(""))
    text = Text("? not known", style="bold yellow")
    _print(console, text.append(f" at {at}: {error}", style="not bold default"))


@dataclass(frozen=True)
class Row:
    """A figure with its label, and a note on it."""

    label: str
    value: Text
    note: Text

    def lines(self, width: int) -> list[Text]:
        """The row in lines of some width; where there is no room for the note it stands below."""
        parts = [part for part in (self.value, self.note) if part]
        indent = " " * (2 + LABEL_WIDTH)
        rows = flowed(parts, width - len(indent), hang=0) or [Text("")]
        heads = [f"  {self.label:<{LABEL_WIDTH}}", *[indent] * len(rows)]
        return [Text(head).append_text(row) for head, row in zip(heads, rows, strict=False)]


Rows = Sequence[Text | Row]


def _print(console: Console, row: Text | Row) -> None:
    width = sentence_width(console)
    for line in row.lines(width) if isinstance(row, Row) else indented(row, width):
        console.print(line, soft_wrap=True, highlight=False)


def _row(label: str, value: str, note: str = "", style: str = "") -> Row:
    return Row(label, Text(value, style=style), Text(note, style="dim"))


def _elsewhere(summary: Summary) -> Rows:
    """The fields at the other outputs, and in the positions of the other inputs."""
    rows = []
    several = len(summary.rf.network.inputs) > 1
    for answer in elsewhere(summary):
        of = f"of {answer.rf.network.input_name(answer.rf.input_index)}" if several else ""
        if isinstance(answer.field, Field) and answer.field.axes:
            rows.append(_row(answer.location.name, size_text(answer.field.size), of))
        elif isinstance(answer.field, Field):
            rows.append(_row(answer.location.name, "–", f"{of}, which has no positions"))
        else:
            rows.append(_row(answer.location.name, f"not known: {answer.field}", of, "yellow"))
    return [Text(""), Text("elsewhere", style="bold"), *rows] if rows else []


def _about(summary: Summary) -> str:
    network = summary.rf.network
    parts = []
    if summary.field.shape:
        parts.append(f"a map of {shape_text(summary.field.shape)}")
    if summary.location.head is not None:
        parts.append(f"in front of {_op(network.ops[summary.location.head])}")
    if len(network.inputs) > 1:
        parts.append(f"positions of {network.input_name(summary.rf.input_index)}")
    return f": {', '.join(parts)}" if parts else ""


def _op(op: Op) -> str:
    line = f" ({formatting.line(op.called)})" if op.called else ""
    return f"{op.module or op.kind}{line}"


def _figures(summary: Summary) -> Rows:
    field = summary.field
    note = f"units differ: the smallest is {size_text(field.smallest)}" if field.varies else ""
    if field.is_global and field.joined_by is not None:
        name = field.joined_by.module or field.joined_by.kind
        note = f"global from {name} on" + (f"; {note}" if note else "")
    rows: list[Text | Row] = [_row("size", size_text(field.size), note, "bold")]
    if summary.without_gates is not None:
        names = [op.module or op.kind for op in summary.joined_by]
        gates = some_of(names, 3)
        text = size_text(["–" if side is None else side for side in field.local])
        rows.append(_row("without gates", text, f"the paths through {gates} left out"))
    elif field.without_joins is not None and field.joined_by is not None:
        name = field.joined_by.module or field.joined_by.kind
        text = size_text(field.without_joins)
        rows.append(_row("without it", text, f"as if {name} handed on what it reads"))
    if field.before_pool is not None:
        pool = field.before_pool
        rows.append(_row("behind it", size_text(pool.size), pool.location.name))
    if summary.norms:
        norms = some_of([op.module or op.kind for op in summary.norms], 1)
        size = "not known" if summary.strict is None else size_text(summary.strict.size)
        rows.append(_row("strictly", size, f"with {norms} joining what they average over"))
    low, high = [a for a, _ in summary.actual], [b for _, b in summary.actual]
    text = size_text(high) if low == high else f"{size_text(low)} to {size_text(high)}"
    rows.append(
        _row("in the image", text, f"of {size_text(field.sides)}: all units, borders included")
    )
    if min(field.coverage) < 1:
        rows.append(
            _row("coverage", size_text([f"{share * 100:.0f} %" for share in field.coverage]))
        )
    rows.append(_row("jump", formatting.axes(field.jump)))
    start = formatting.axes(field.start)
    rows.append(_row("start", start, "the centre of the first unit's field"))
    ends = [
        f"{formatting.signed(a)} before, {formatting.signed(b)} behind" for a, b in summary.padding
    ]
    pairs = zip(field.input.position_names, ends, strict=True)
    text = "; ".join(f"{name} {both}" for name, both in pairs)
    text = ends[0] if len(set(ends)) == 1 else text
    rows.append(_row("padding", text, "how far the fields go beyond the image"))
    return rows


def _unit_rows(unit: UnitField, without_gates: UnitField | None, names: Names) -> Rows:
    rows = [
        *_region("theoretical", unit.theoretical, names, of=False),
        *_region("actual", unit.actual, names, of=True),
    ]
    if without_gates is not None:
        rows += _region("without gates", without_gates.theoretical, names, of=False)
    return rows


def _region(label: str, region: Region, names: Names, *, of: bool) -> Rows:
    if not region.boxes:
        return [_row(label, "nothing", "it reads nothing but padding")]
    noun = "position" if region.count == 1 else "positions"
    share = "" if region.density == 1 else f", {_share(region)} of the hull"
    rows: list[Text | Row] = [
        _row(label, size_text(region.size), f"{region.count:,} {noun}{share}", "bold")
    ]
    axes = [
        formatting.positions(positions) + (f" of {side}" if of else "")
        for positions, side in zip(region.axes, region.sides, strict=True)
    ]
    for name, text, before in zip(names, axes, [None, *axes], strict=False):
        rows.append(_row(f"  {name}", "the same" if text == before else text))
    if not region.is_product:
        rows += _boxes(region, names)
    return rows


def _share(region: Region) -> str:
    # 99.97 % must not read 100 %, nor one position of a million 0 %.
    percent = region.count * 100 / prod(region.size)
    digits = 0 if 1 <= percent <= 99 else 2
    return f"{min(max(percent, 0.01), 99.99):.{digits}f} %"


def _boxes(region: Region, names: Names) -> Rows:
    why = "the sets on the axes do not combine freely"
    rows: list[Text | Row] = [_row("  parts", str(len(region.boxes)), why)]
    for box in region.boxes[:MOST_BOXES]:
        text = "; ".join(
            f"{name} {formatting.positions(p)}" for name, p in zip(names, box, strict=True)
        )
        rows.append(Text(f"      {text}"))
    left = len(region.boxes) - MOST_BOXES
    if left > 0:
        rows.append(Text(f"      and {left:,} more (--output-format json)", style="dim"))
    return rows


def _effective(summary: Summary, effective: Effective) -> Rows:
    """The effective field by gradients, beside the possible one."""
    weights = formatting.path(effective.weights) if effective.weights else "random initial weights"
    inputs = "1 random input" if effective.samples == 1 else f"{effective.samples} random inputs"
    head = Text("effective", style="bold").append(f": {weights}, {inputs}", style="not bold")
    if effective.box is None:
        return [Text(""), head, _row("nothing", "", "no gradient leads back to the input")]
    axes = effective.energy.ndim
    like = f", as a {'square' if axes == 2 else 'cube'}" if axes > 1 else ""
    positions = "1 position" if effective.area == 1 else f"{effective.area:,} positions"
    note = f"{positions} above 4.55 % of the largest gradient{like} (Luo et al. 2016)"
    rows: list[Text | Row] = [Text(""), head, _row("side", f"{effective.side:.1f}", note, "bold")]
    spans = ", ".join(formatting.stretch(low, high) for low, high in effective.box)
    rows.append(_row("95 % of it", size_text(effective.box_size), f"on each axis: {spans}"))
    inside = effective.inside(summary.unit.actual)
    if inside is not None and inside < 1 - 1e-9:
        leak = "the rest comes by the norms that are left out" if summary.norms else ""
        rows.append(_row("in the field", f"{inside * 100:.2f} %", leak))
    return rows


# -- paths ------------------------------------------------------------------------------------


def _paths(network: Network, paths: Sequence[FieldPath], names: Names, width: int) -> list[Text]:
    """Each path once, with the axes and ends that it sets."""
    alike: dict[tuple[tuple[str, int], ...], list[FieldPath]] = {}
    for path in paths:
        key = tuple(
            (f"{link.op.index}", added)
            for link, added in zip(path.links, path.added, strict=True)
            if added
        )
        alike.setdefault(key, []).append(path)
    rows = []
    for group in alike.values():
        text = Text("the path that sets it", style="bold")
        about = "" if len(alike) == 1 else f": {_ends(group, names)}"
        if group[0].local:
            about += ", without gates"
        rows += [Text(""), text.append(about, style="not bold")]
        rows += _layers(network, group[0], width)
    return rows


def _ends(group: Sequence[FieldPath], names: Names) -> str:
    ends = {end: [names[path.axis] for path in group if path.end == end] for end in (LOW, HIGH)}
    if ends[LOW] == ends[HIGH]:
        return f"{' and '.join(ends[LOW])}, both ends"
    words_of = ((LOW, "lower end"), (HIGH, "higher end"))
    return "; ".join(f"{' and '.join(ends[end])}, {word}" for end, word in words_of if ends[end])


def _alike_together(rows: Sequence[Growth]) -> list[Growth]:
    """Neighbours with the same window and the same contribution as one row."""
    together: list[Growth] = []
    for _, group in groupby(rows, key=lambda row: (row.what, row.added)):
        first, *others = group
        if others:
            last, times = others[-1], 1 + len(others)
            name = f"{first.name} to {last.name}"
            what = f"{times} times {first.what}, +{first.added} each"
            together.append(Growth(name, last.size, times * first.added, what))
        else:
            together.append(first)
    return together


def _layers(network: Network, path: FieldPath, width: int) -> list[Text]:
    rows = [Growth("input", 1, 0, "")]
    for link, added in zip(path.links, path.added, strict=True):
        if added:
            window = window_words(network, link.op) or link.op.kind
            what = f"{window} at jump {link.jump}" if link.jump != 1 else window
            rows.append(Growth(link.op.module or link.op.kind, link.size, added, what))
    if len(rows) > MOST_LAYERS:
        rows = _alike_together(rows)
    if len(rows) > MOST_LAYERS:
        rows = list(by_block(network, path.links, MOST_LAYERS))
    return [Text("  ").append_text(line) for line in bars(rows, width - 2)]
