"""SARIF 2.1.0, for GitHub code scanning, GitLab and editors.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import archcheck
from archcheck.lint import LINT, all_lint_rules
from archcheck.plain_text import plain
from archcheck.project import in_project
from archcheck.reporters.data import dumps
from archcheck.reporters.findings import (
    REMARK,
    ShownFinding,
    ShownRemark,
    fingerprints,
    issues,
    remarks,
    title,
)
from archcheck.reporters.regions import Region
from archcheck.rules import Rule, all_rules, documentation
from archcheck.spec import Report
from archcheck.spec.points import added

MOST_RELATED = 10
"""How many places beside the first one a result names."""
STAGES = {
    "imports": "The network's file can be imported.",
    "builds": "The network can be built.",
    "runs": "The network can be run.",
    "unchanged": "No file of the network changes while it is checked.",
    REMARK: "What else was noticed; it fails nothing.",
}
"""What a network has to do before any rule is checked, and what is told beside the rules."""


def render(reports: Sequence[Report]) -> str:
    """One SARIF log with one run."""
    findings = list(issues(reports))
    noticed = list(remarks(reports))
    marks = fingerprints([*findings, *noticed])
    names = list(dict.fromkeys(finding.rule for report in reports for finding in report.findings))
    names += [REMARK] if noticed else []
    points = added(report.points for report in reports)
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "archcheck",
                "semanticVersion": archcheck.__version__,
                "rules": [_rule(name) for name in names],
            }
        },
        "automationDetails": {"id": _category(reports)},
        "columnKind": "unicodeCodePoints",
        "results": [
            *map(_result, findings, [names.index(issue.rule) for issue in findings], marks),
            *(
                _remark(remark, len(names) - 1, mark)
                for remark, mark in zip(noticed, marks[len(findings) :], strict=True)
            ),
        ],
    }
    if points:
        run["properties"] = {"points": points.as_dict()}
    return dumps(
        {
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [run],
        }
    )


def _category(reports: Sequence[Report]) -> str:
    """The category of the upload: a new one replaces the last one of its category."""
    specs = list(dict.fromkeys(Path(report.spec.file).stem for report in reports))
    parts = ["archcheck", *(specs if len(specs) == 1 and specs[0] else [])]
    if len(reports) == 1:
        parts.append(title(reports[0]))
    return plain("/".join(parts)) + "/"


def _rule(name: str) -> dict[str, Any]:
    rule = all_rules().get(name)
    described = _described(rule) if rule is not None else _other(name)
    return {
        "id": name,
        "name": "".join(word.capitalize() for word in name.split("-")),
        **described,
        "defaultConfiguration": {"level": "note" if name == REMARK else "error"},
        "properties": {
            "tags": ["architecture", name],
            "precision": "very-high",
            "problem.severity": "recommendation" if name == REMARK else "error",
        },
    }


def _other(name: str) -> dict[str, Any]:
    lint_rule = all_lint_rules().get(name)
    if lint_rule is not None:
        return _texts(lint_rule.summary, documentation(lint_rule), "What it finds")
    if name == LINT.name:
        return _described(LINT)
    text = STAGES.get(name, name)
    return {"shortDescription": {"text": text}, "help": {"text": text}}


def _described(rule: Rule) -> dict[str, Any]:
    return _texts(rule.summary, documentation(rule), "What it does")


def _texts(summary: str, text: str, heading: str) -> dict[str, Any]:
    what = text.partition(f"## {heading}")[2].partition("\n## ")[0].strip()
    first = what.partition("\n\n")[0]
    return {
        "shortDescription": {"text": summary},
        "fullDescription": {"text": " ".join(re.sub("[`*]", "", first).split())},
        "help": {"text": what, "markdown": text},
    }


def _result(issue: ShownFinding, index: int, mark: str) -> dict[str, Any]:
    places = [_location(region) for region in issue.regions[: MOST_RELATED + 1]]
    if not places and issue.path:
        places = [_at(issue.report.file, None)]
    result: dict[str, Any] = {
        "ruleId": issue.rule,
        "ruleIndex": index,
        "level": issue.level,
        "message": {"text": issue.text},
        "locations": places[:1],
        "partialFingerprints": {"primaryLocationLineHash": mark},
        "properties": {
            "network": title(issue.report),
            "entry": issue.name,
            "status": issue.status,
            "found": plain(issue.verdict.found_text),
            "required": plain(issue.verdict.required),
        },
    }
    if places[1:]:
        result["relatedLocations"] = places[1:]
    if issue.points:
        result["properties"]["points"] = issue.points.as_dict()
    return result


def _remark(remark: ShownRemark, index: int, mark: str) -> dict[str, Any]:
    places = [_location(region) for region in remark.regions]
    if not places and remark.path:
        places = [_at(remark.report.file, None)]
    return {
        "ruleId": remark.name,
        "ruleIndex": index,
        "level": "note",
        "message": {"text": remark.text},
        "locations": places,
        "partialFingerprints": {"primaryLocationLineHash": mark},
        "properties": {"network": title(remark.report)},
    }


def _location(region: Region) -> dict[str, Any]:
    location = _at(region.file, region)
    if region.module:
        location["logicalLocations"] = [
            {"name": region.module.rpartition(".")[2], "fullyQualifiedName": region.module}
        ]
    if region.label:
        location["message"] = {"text": region.label}
    return location


def _at(file: str, region: Region | None) -> dict[str, Any]:
    line = {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 2}
    if region is not None:
        line = {
            "startLine": region.line,
            "startColumn": region.column,
            "endLine": region.end_line,
            "endColumn": region.end_column,
        }
    return {"physicalLocation": {"artifactLocation": _artifact(file), "region": line}}


def _artifact(file: str) -> dict[str, str]:
    path = in_project(file)
    try:
        uri = quote(os.fsencode(path))
    except UnicodeError:
        uri = quote(plain(path))
    if Path(path).is_absolute():
        uri = f"file://{uri if uri.startswith('/') else '/' + uri}"
    return {"uri": uri}
