"""What ``rf`` shows, as data."""

from __future__ import annotations

from typing import Any

from archcheck.fields import Region, UnitField, UnknownField
from archcheck.fields.explain.effective import Effective
from archcheck.fields.explain.growth import window_words
from archcheck.fields.explain.path import FieldPath
from archcheck.fields.explain.summary import Summary, elsewhere
from archcheck.network import Network, Op
from archcheck.network.input_language import input_data
from archcheck.project import in_project
from archcheck.reporters.inspection import (
    FIELD_KEYS,
    answer_data,
    field_data,
    number,
    place,
    remarks_data,
)

REPORT_VERSION = 1
END_NAMES = ("low", "high")


def field_report(summary: Summary) -> dict[str, Any]:
    """A summary as data, with a version key.

    Sets of positions are lists of [first, last] stretches. ``boxes`` are disjoint products of
    such sets, one list an axis; their union is the set.
    """
    network = summary.rf.network
    head = None if summary.location.head is None else network.ops[summary.location.head]
    return {
        **_heading(network),
        "input_index": summary.rf.input_index,
        "at": summary.location.name,
        "head": None if head is None else op_data(head),
        "map": list(summary.field.shape),
        **field_data(summary.field),
        "padding": [list(pair) for pair in summary.padding],
        "actual": {
            "smallest": [low for low, _ in summary.actual],
            "largest": [high for _, high in summary.actual],
        },
        "unit": _unit(summary.unit),
        "without_gates": None if summary.without_gates is None else _unit(summary.without_gates),
        "joined_by": [op_data(op) for op in summary.joined_by],
        "strict": None if summary.strict is None else field_data(summary.strict),
        "norms": [op_data(op) for op in summary.norms],
        "paths": [_path(network, path) for path in summary.paths],
        "effective": None if summary.effective is None else _effective(summary, summary.effective),
        "elsewhere": [
            {"at": answer.location.name, **answer_data(answer)} for answer in elsewhere(summary)
        ],
        "not_modelled": [],
    }


def unknown_report(network: Network, at: str, error: UnknownField) -> dict[str, Any]:
    """Why the field is not known, as data."""
    causes = [
        {"reason": cause.reason}
        | (dict.fromkeys(OP_KEYS) if cause.op is None else op_data(network.ops[cause.op]))
        for cause in error.causes
    ]
    return {
        **_heading(network),
        "at": at,
        **dict.fromkeys(FIELD_KEYS),
        "unit": None,
        "message": str(error),
        "not_modelled": causes,
    }


OP_KEYS = ("function", "module", "built", "called")


def _heading(network: Network) -> dict[str, Any]:
    inputs = [list(each.shape) for each in network.given_tensors]
    return {
        "version": REPORT_VERSION,
        "model": network.name,
        "input": inputs[0] if len(inputs) == 1 else inputs,
        "inputs": input_data(network.given or network.given_tensors),
        **remarks_data(network),
    }


def op_data(op: Op) -> dict[str, Any]:
    """An operation: what it is, the module it ran in and the lines of both."""
    return {
        "function": op.function,
        "module": op.module,
        "built": place(op.built),
        "called": place(op.called),
    }


def _unit(unit: UnitField) -> dict[str, Any]:
    return {
        "index": list(unit.unit),
        "theoretical": region_data(unit.theoretical),
        "actual": region_data(unit.actual),
    }


def _effective(summary: Summary, effective: Effective) -> dict[str, Any]:
    return {
        "weights": in_project(effective.weights) or None,
        "samples": effective.samples,
        "area": effective.area,
        "side": effective.side,
        "box": None if effective.box is None else [list(ends) for ends in effective.box],
        "box_size": list(effective.box_size),
        "inside_actual": effective.inside(summary.unit.actual),
    }


def region_data(region: Region) -> dict[str, Any]:
    """A set of positions."""
    return {
        "size": list(region.size),
        "hull": None if region.hull is None else [list(ends) for ends in region.hull],
        "count": region.count,
        "density": region.density,
        "product": region.is_product,
        "axes": [_stretches(positions.runs()) for positions in region.axes],
        "boxes": [[_stretches(positions.runs()) for positions in box] for box in region.boxes],
    }


def _stretches(runs: tuple[tuple[int, int], ...]) -> list[list[int]]:
    return [list(run) for run in runs]


def _path(network: Network, path: FieldPath) -> dict[str, Any]:
    return {
        "axis": path.axis,
        "end": END_NAMES[path.end],
        "size": path.size,
        "without_gates": path.local,
        "layers": [
            {
                **op_data(link.op),
                "window": window_words(network, link.op),
                "added": added,
                "size": link.size,
                "jump": number(link.jump),
            }
            for link, added in zip(path.links, path.added, strict=True)
            if added
        ],
    }
