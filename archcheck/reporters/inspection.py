"""What ``inspect`` shows: the layer table, as data and as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from archcheck.fields import Cause, Field, MapLocation, ReceptiveField, UnknownField
from archcheck.fields.explain.summary import Answer, answers, from_every_input
from archcheck.network import Layer, Network, Op, Place, layers_of
from archcheck.network.input_language import input_data
from archcheck.network.remarks import remarks_on
from archcheck.phrases import shape_text, size_text
from archcheck.plain_text import in_one_line
from archcheck.project import in_project
from archcheck.reporters import formatting
from archcheck.reporters.layout import flowed, sentence_width

VERSION = 1


def inspection(network: Network, rf: ReceptiveField) -> dict[str, Any]:
    """A network as data: totals, receptive fields and one entry a layer, with a version key."""
    inputs = [list(each.shape) for each in network.given_tensors]
    views = [rf, *from_every_input(network)[1:]]
    return {
        "version": VERSION,
        "model": network.name,
        "input": inputs[0] if len(inputs) == 1 else inputs,
        "inputs": input_data(network.given or network.given_tensors),
        "parameters": {
            "total": network.num_parameters,
            "trainable": network.num_trainable_parameters,
            "used": network.num_used_parameters,
        },
        "macs": network.macs,
        "constant_macs": network.constant_macs,
        "macs_left_out": [
            {"function": op.function, "module": op.module, "called": place(op.called)}
            for op in network.left_out_ops
        ],
        "receptive_field": _fields(views),
        "layers": [_layer(network, views, layer) for layer in layers_of(network)],
        "not_modelled": [
            {
                "reason": cause.reason,
                "function": network.ops[cause.op].function if cause.op is not None else None,
                "module": network.ops[cause.op].module if cause.op is not None else None,
                "called": place(network.ops[cause.op].called) if cause.op is not None else None,
            }
            for cause in _not_modelled(views)
        ],
        "unused_modules": list(network.unused_modules),
        "unused_parameters": list(network.unused_parameters),
        **remarks_data(network),
    }


def remarks_data(network: Network) -> dict[str, Any]:
    """What is worth a remark, each with its line, and the same in words."""
    remarks = remarks_on(network)
    return {
        "remarks": [{"message": each.text, "place": place(each.place)} for each in remarks],
        "notes": list(map(str, remarks)),
    }


def _try(rf: ReceptiveField, location: MapLocation) -> Field | None:
    try:
        return rf.at(location)
    except UnknownField:
        return None


def _fields(views: list[ReceptiveField]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name in ("features", "output"):
        for answer in answers(views, name):
            # The first of several outputs is also listed under the plain name.
            for key in {name: None, answer.location.name: None}:
                if key not in fields:
                    fields[key] = answer_data(answer)
                elif key == answer.location.name:
                    fields[key].setdefault("from_other_inputs", []).append(answer_data(answer))
    return fields


def answer_data(answer: Answer) -> dict[str, Any]:
    """The figures of a field in the positions of one input; without them, the reason."""
    index = answer.rf.input_index
    which = {"input_index": index, "input_name": answer.rf.network.given_tensors[index].name}
    if isinstance(answer.field, Field):
        return {**field_data(answer.field), **which, "reason": None}
    return {**dict.fromkeys(FIELD_KEYS), **which, "reason": str(answer.field)}


def _not_modelled(views: list[ReceptiveField]) -> list[Cause]:
    return list(dict.fromkeys(cause for rf in views for cause in rf.not_modelled))


FIELD_KEYS = ("size", "largest", "smallest", "jump", "start", "coverage", "global", "local")
"""The figures of a field as data."""


def field_data(field: Field) -> dict[str, Any]:
    """The figures of a field, a list with one entry for each spatial axis of the input."""
    return {
        "size": list(field.size),
        "largest": list(field.largest),
        "smallest": list(field.smallest),
        "jump": [number(value) for value in field.jump],
        "start": [number(value) for value in field.start],
        "coverage": list(field.coverage),
        "global": field.is_global,
        "local": list(field.local),
        "before_pool": None if field.before_pool is None else list(field.before_pool.size),
        "without_joins": None if field.without_joins is None else list(field.without_joins),
    }


def number(value: Any) -> int | float | None:
    """A fraction as JSON has numbers."""
    if value is None:
        return None
    return int(value) if value == int(value) else float(value)


def place(where: Place | None) -> dict[str, Any] | None:
    """A line of code; in a notebook with its cell, and the line's number in it."""
    if where is None:
        return None
    found = {"file": in_project(where.file), "line": where.file_lines[0]}
    if where.cell is not None:
        found |= {"cell": where.cell.number, "cell_line": where.cell.line}
    return found


def _last_op(network: Network, layer: Layer) -> Op | None:
    return network.ops[layer.ops[-1]] if layer.ops else None


def _heaviest(network: Network, layer: Layer) -> Op | None:
    ops = [network.ops[index] for index in layer.ops if network.ops[index].kind != "alias_write"]
    return max(ops, key=lambda op: network.op_macs(op) or 0, default=None)


def _layer(network: Network, views: list[ReceptiveField], layer: Layer) -> dict[str, Any]:
    op = _heaviest(network, layer)
    fields = _known(views, MapLocation(layer.name, (layer.output,)))
    if op is not None:
        called = op.called
    else:
        calls = [call for call in network.calls if layer.output in call.outputs]
        called = calls[-1].called if calls else None
    return {
        "name": layer.name,
        "kind": op.kind if op else "identity",
        "function": op.function if op else None,
        "module": layer.module,
        "built": place(op.built if op else None),
        "called": place(called),
        "output_shape": list(network.sample_shape(layer.output)),
        "batched": network.batch_axis(layer.output) is not None,
        "parameters": layer.num_parameters,
        "macs": layer.macs,
        "receptive_field": _layer_field(fields[0]) if fields else None,
        "from_other_inputs": [_layer_field(each) for each in fields[1:]],
    }


def _layer_field(known: tuple[ReceptiveField, Field]) -> dict[str, Any]:
    rf, field = known
    return {
        "size": list(field.size),
        "smallest": list(field.smallest),
        "jump": [number(value) for value in field.jump],
        "global": field.is_global,
        "input_index": rf.input_index,
    }


def print_inspection(network: Network, rf: ReceptiveField, console: Console) -> None:
    """Print the layer table and the totals."""
    source = network.source.file if network.source else ""
    views = [rf, *from_every_input(network)[1:]]
    rows = [_row(network, views, layer, source) for layer in layers_of(network)]
    width = sentence_width(console)
    for line in heading(network, width):
        _print(console, line)
    console.print()
    # Every cell is in one line already.
    console.print(Text("\n").join(_table(rows, width)), soft_wrap=True, highlight=False)
    console.print()
    for label, parts in _totals(network, views):
        for number, line in enumerate(flowed(parts, width - LABEL_WIDTH, hang=0)):
            head = "" if number else label
            _print(console, Text(f"{head:<{LABEL_WIDTH}}").append_text(line))


def _print(console: Console, line: Text) -> None:
    console.print(line, soft_wrap=True, highlight=False)


def _table(rows: Sequence[Sequence[str]], width: int) -> list[Text]:
    """The layers under their titles. Where a line has no room for all columns the rest stand in
    further lines, below each other."""
    widths = [max(map(cell_len, column)) for column in zip(TITLES, *rows, strict=True)]
    if sum(widths) + 2 * (len(widths) - 1) > width:
        lines = flowed(_cells(TITLES, widths, "dim"), width, gap=2)
        for row in rows:
            lines += flowed(_cells(row, widths), width, gap=2)
        for line in lines:
            line.rstrip()
        return lines
    # Text.assemble of every cell would be a quarter of the time that a cached answer takes.
    lines = [Text("  ".join(_padded(TITLES, widths)), style="dim")]
    for row in rows:
        name, module, *figures, where = _padded(row, widths)
        figured = "  ".join(figures)
        lines.append(Text.assemble(name, "  ", (module, "dim"), f"  {figured}  ", (where, "dim")))
    return lines


def _cells(row: Sequence[str], widths: Sequence[int], style: str = "") -> list[Text]:
    cells = _padded(row, widths)
    return [
        Text(cell, style=style or ("dim" if column in _PLACES else ""))
        for column, cell in enumerate(cells)
    ]


TITLES = ("layer", "module", "output", "parameters", "MACs", "field", "jump", "line")
_NUMBERS = (3, 4, 5, 6)
_PLACES = (1, 7)
"""The columns that say where a layer is."""
LABEL_WIDTH = 17
"""The width of the column of labels in front of the totals."""


def _padded(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """The cells of a row, each as wide as its column; numbers stand on the right."""
    cells = []
    for column, (cell, width) in enumerate(zip(row, widths, strict=True)):
        spare = " " * (width - cell_len(cell))
        cells.append(spare + cell if column in _NUMBERS else cell + spare)
    return cells


def _row(
    network: Network, views: list[ReceptiveField], layer: Layer, source: str
) -> tuple[str, ...]:
    op = _last_op(network, layer)
    where = (op.built or op.called) if op else None
    fields = [field for _, field in _known(views, MapLocation(layer.name, (layer.output,)))]
    spatial = [field for field in fields if field.axes]
    return (
        in_one_line(layer.name),
        in_one_line(layer.module),
        shape_text(network.sample_shape(layer.output)),
        f"{layer.num_parameters:,}" if layer.num_parameters else "",
        formatting.amount(layer.macs) if layer.macs is None or layer.macs else "",
        ", ".join(map(_size, spatial)) if fields else "?",
        ", ".join(formatting.axes(field.jump) for field in spatial),
        in_one_line(_short_line(where, source)),
    )


def _known(
    views: list[ReceptiveField], location: MapLocation
) -> list[tuple[ReceptiveField, Field]]:
    """The fields from each input that reaches a location, those with positions first."""
    tried = [(rf, _try(rf, location)) for rf in views]
    known = [(rf, field) for rf, field in tried if field is not None]
    return sorted(known, key=lambda pair: not pair[0].sides)


def heading(network: Network, width: int) -> list[Text]:
    """The network's file, name and inputs."""
    file = formatting.path(network.source.file) if network.source else ""
    inputs = ", ".join(map(str, network.given_tensors))
    name = f"{file}:{network.name}" if file else network.name
    return flowed([Text(name, style="bold"), Text(inputs, style="bold")], width)


def _size(field: Field) -> str:
    size = formatting.axes(field.size)
    return f"{formatting.axes(field.smallest)}–{size}" if field.varies else size


def _short_line(place: Place | None, source: str) -> str:
    if place is None:
        return ""
    if place.file != source:
        return formatting.line(place)
    return place.at if place.cell is not None else f":{place.line}"


def _totals(network: Network, views: list[ReceptiveField]) -> list[tuple[str, list[Text]]]:
    """The figures of the whole network, each with its label, and what is to be told of it."""
    told: list[tuple[str, str]] = []
    for function, line in dict.fromkeys((op.function, op.called) for op in network.left_out_ops):
        where = f" ({formatting.line(line)})" if line else ""
        told.append(("not counted", f"{function} of constants{where}"))
    found = [*answers(views, "features"), *answers(views, "output")]
    fields = [_field_words(each) for each in found if not _is_without_axes(each)]
    fields += _without_axes([each for each in found if _is_without_axes(each)])
    notes = [("not modelled", views[0].describe(cause)) for cause in _not_modelled(views)]
    if network.unused_modules:
        notes.append(("never called", ", ".join(network.unused_modules)))
    notes += [("note", str(remark)) for remark in remarks_on(network)]
    return [
        ("parameters", _parameters(network)),
        ("MACs", _macs(network)),
        *((label, [Text(text, style="yellow")]) for label, text in told),
        *(("receptive field", words) for words in fields),
        *((label, [Text(text, style="yellow")]) for label, text in notes),
    ]


def _parameters(network: Network) -> list[Text]:
    return [
        Text(f"{network.num_parameters:,}"),
        Text(f"trainable {network.num_trainable_parameters:,}"),
        Text(f"used {network.num_used_parameters:,}"),
    ]


def _macs(network: Network) -> list[Text]:
    constant = network.constant_macs
    about = [Text(f"{constant:,} depend on no input", style="dim")] if constant else []
    return [Text(_exact(network.macs)), *about]


def _exact(number: int | None) -> str:
    return "not known" if number is None else f"{number:,}"


def _is_without_axes(answer: Answer) -> bool:
    return isinstance(answer.field, Field) and not answer.field.axes


def _without_axes(answers: Sequence[Answer]) -> list[list[Text]]:
    """The inputs without spatial axes, in which nothing has a field: all in one line."""
    names = dict.fromkeys(each.rf.network.input_name(each.rf.input_index) for each in answers)
    if not names:
        return []
    several = len(answers[0].rf.network.inputs) > 1
    what = ", ".join(names) if several else "the input"
    return [[Text(f"none in {what}: no spatial axes", style="dim")]]


def _field_words(answer: Answer) -> list[Text]:
    rf, location, field = answer.rf, answer.location, answer.field
    if not isinstance(field, Field):
        reason = f": {field}" if len(rf.network.inputs) > 1 else ""
        return [Text(f"not known at {location.name}{reason}", style="yellow")]
    facts = [f"jump {formatting.axes(field.jump)}", f"start {formatting.axes(field.start)}"]
    if len(rf.network.inputs) > 1:
        facts.insert(0, f"of {rf.network.input_name(rf.input_index)}")
    if field.varies:
        facts.append(f"smallest {size_text(field.smallest)}")
    if min(field.coverage) < 1:
        facts.append(f"{min(field.coverage):.0%} of it read")
    if field.is_global and field.joined_by is not None:
        joined = f"global from {field.joined_by.module or field.joined_by.kind} on"
        without = field.without_joins
        facts.append(joined if without is None else f"{joined} ({size_text(without)} without)")
    pool = field.before_pool
    if pool is not None:
        facts.append(f"{size_text(pool.size)} {pool.location.name}")
    norms = rf.joining_norms(location)
    if norms:
        facts.append(f"{norms[0].module or norms[0].kind} left out")
    size = Text(f"{size_text(field.size)} at {location.name}")
    return [size, *(Text(fact, style="dim") for fact in facts)]
