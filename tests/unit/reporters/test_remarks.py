"""Remarks, skipped rules and names of entries: every format has them."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from torch import nn

import archcheck
from archcheck.cli.options import without
from archcheck.reporters.brief import print_brief
from archcheck.reporters.formats import MACHINE_FORMATS, ReportFormat, render
from archcheck.reporters.text import print_concise, print_report
from archcheck.spec import Report, check, spec_from
from tests.support.reports import read

SOURCE = """\
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c = nn.Conv2d(3, 4, 3)
        self.d = nn.Conv2d(4, 4, 3)
        self.hidden = torch.randn(4, 1, 1)

    def forward(self, x):
        x = self.c(x) * self.hidden
        self.d(x)
        return x
"""
RULES = {
    "parameters": {"at_most": 500},
    "dilated": "forbidden",
    "layers": [
        {"name": "one relu", "kind": "relu", "exactly": 1, "severity": "warning"},
        {"kind": "conv2d", "exactly": 1},
    ],
}
HELD = "hidden: 4 numbers that are no registered parameters do not count"
DEAD = "d reaches no output: computed, but no layer"
LEFT = "left out, not checked: dilated"


def reported(folder: Path) -> Report:
    file = folder / "net.py"
    file.write_text(SOURCE, encoding="utf-8")
    names: dict[str, type[nn.Module]] = {"__name__": "net"}  # type: ignore[dict-item]
    exec(compile(SOURCE, str(file), "exec"), names)
    network = archcheck.trace(names["Net"](), (3, 8, 8))
    return check(network, without(spec_from({"rules": RULES}), ["dilated"]), file=str(file))


def text_of(output_format: str, report: Report) -> str:
    if output_format in MACHINE_FORMATS:
        return render(output_format, [report])
    console = Console(file=io.StringIO(), width=200)
    if output_format == "brief":
        print_brief([report], console)
    else:
        (print_concise if output_format == "concise" else print_report)(report, console)
    printed: str = console.file.getvalue()  # type: ignore[attr-defined]
    return printed


@pytest.mark.parametrize("output_format", [each.value for each in ReportFormat])
def test_every_format_has_the_remarks(repository: Path, output_format: str) -> None:
    report = reported(repository)
    assert report.passed
    text = text_of(output_format, report)
    if output_format == "markdown":
        text = text.replace("\\", "")
    for expected in (HELD, DEAD, LEFT):
        assert expected in text
    assert "one relu" in text or output_format == "brief"  # which lists no rules
    for line in (12, 13):
        near = (f"net.py:{line}", f'"line": {line}', f"line={line}", f'"startLine": {line}')
        assert any(each in text for each in (*near, f'"begin": {line}'))


def test_the_report_as_text_has_them_too(repository: Path) -> None:
    lines = str(reported(repository)).splitlines()
    assert f"remark: {HELD} (net.py:12)" in lines
    assert f"remark: {DEAD} (net.py:13)" in lines
    assert f"remark: {LEFT}" in lines
    assert any(line.startswith("failed: one relu: ") for line in lines)


def test_remarks_are_of_no_consequence(repository: Path) -> None:
    report = reported(repository)
    found = read("github", [report])
    assert [entry["level"] for entry in found] == ["warning", "notice", "notice", "notice"]
    assert [entry["rule"] for entry in found] == ["one relu", "remark", "remark", "remark"]
    assert [entry["severity"] for entry in read("gitlab", [report])] == ["minor", *["info"] * 3]
    assert [entry["level"] for entry in read("sarif", [report])] == ["warning", *["note"] * 3]
    (suite,) = read("junit", [report])
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (3, 0, 0, 0)
    assert [case.name for case in suite] == ["parameters", "one relu", "layers"]
    data = read("json", [report])
    assert [entry["line"] for entry in data["remarks"]] == [12, 13, None]
    assert data["skipped"] == ["dilated"]
    assert [entry["name"] for entry in data["rules"]] == ["parameters", "one relu", "layers"]
    assert read("gradescope", [report])["score"] == 2


def test_two_entries_of_one_name_are_told_apart(repository: Path) -> None:
    entries = [{"name": "a", "kind": "relu", "exactly": 0}] * 2
    report = reported(repository)
    twice = check(
        archcheck.trace(nn.Conv2d(3, 4, 3), (3, 8, 8)), spec_from({"rules": {"layers": entries}})
    )
    (suite,) = read("junit", [replace(twice, file=report.file)])
    assert [case.name for case in suite] == ["a", "a[2]"]
