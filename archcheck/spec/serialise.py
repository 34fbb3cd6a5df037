"""Reports as plain data."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from archcheck.rules import Location
from archcheck.spec.points import Points
from archcheck.spec.report import Report

VERSION = 1


def report_as_dict(report: Report) -> dict[str, Any]:
    """A report as data that any serialiser takes, with a version key."""
    network = report.network
    shapes = [list(shape) for shape in report.spec.input or ()]
    if network is not None:  # which was perhaps given another input than the spec's
        shapes = [list(network.shape(tensor)[1:]) for tensor in network.inputs]
    return {
        "version": VERSION,
        "passed": report.passed,
        "network": ":".join(part for part in (report.file, report.name) if part),
        "spec": report.spec.file or report.spec.title,
        "input": shapes[0] if len(shapes) == 1 else shapes,
        "parameters": network.num_parameters if network else None,
        "macs": network.macs if network else None,
        "points": points_as_dict(report.points) if report.points else None,
        "rules": [
            {
                "rule": finding.rule,
                "status": finding.verdict.status,
                "severity": finding.level,
                "found": finding.verdict.found,
                "required": finding.verdict.required,
                "message": finding.message,
                "points": points_as_dict(finding.points) if finding.points else None,
                "locations": [_location(where) for where in finding.verdict.locations],
            }
            for finding in report.findings
        ],
        "notes": list(report.notes),
    }


def points_as_dict(points: Points) -> dict[str, int | float]:
    """Points as data: ``earned`` of ``possible``, and ``bonus`` of ``bonus_possible`` extra."""
    return asdict(points)


def _location(where: Location) -> dict[str, Any]:
    place = where.place
    return {
        "file": place.file if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
        "end_line": place.end_line if place else None,
        "end_column": place.end_column if place else None,
        "module": where.module,
    }
