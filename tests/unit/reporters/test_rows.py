"""CSV: a row a network, its rules in columns, and nothing that a spreadsheet would calculate."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest
from torch import nn

import archcheck
from archcheck.reporters.formats import render
from archcheck.reporters.rows import COLUMNS
from archcheck.spec import Report
from tests.support.paths import ROOT
from tests.support.reports import broken, read, report_on


def report(name: str = "Net", **rules: object) -> Report:
    asked = rules or {"parameters": {"at_most": 50}}
    found = archcheck.verify(nn.Conv2d(3, 4, 3), {"rules": asked}, input_shape=(3, 8, 8))
    return replace(found, name=name)


def test_a_row_has_the_verdict_the_points_and_each_rule(repository: Path) -> None:
    ran, not_run = read("csv", [report_on(repository), broken(repository)])
    assert (ran["file"], ran["network"], ran["verdict"]) == ("net.py", "Net", "failed")
    assert (ran["points"], ran["points possible"]) == ("0", "35")
    assert (ran["bonus"], ran["bonus possible"]) == ("0", "2.5")
    assert (ran["parameters"], ran["macs"]) == ("112", "3888")
    reason = "parameters: the network has 112 parameters; at most 5 are allowed; macs: "
    assert ran["reason"].startswith(reason)
    assert (ran["parameters: status"], ran["parameters: value"]) == ("failed", "112")
    assert ran["receptive-field: status"] == "not-verified"
    assert (ran["receptive-field[3]: status"], ran["receptive-field[3]: value"]) == (
        "failed",
        "4 × 4",
    )
    assert (not_run["verdict"], not_run["reason"]) == ("not run", "forward raised: no")
    assert (not_run["parameters: status"], not_run["parameters: value"]) == ("not-verified", "")
    assert (not_run["points"], not_run["points possible"]) == ("0", "35")


def test_networks_of_several_specs_share_the_columns() -> None:
    first, second = report(), report(layers={"kind": "conv2d", "at_least": 1})
    one, two = read("csv", [first, second])
    assert (one["parameters: value"], one["layers: status"], one["layers: value"]) == (
        "112",
        "",
        "",
    )
    assert (two["parameters: value"], two["layers: status"], two["layers: value"]) == (
        "",
        "passed",
        "1",
    )


FORMULAS = ["=1+1", "+1", "-2+3", "@SUM(A1)", "|calc", "%0", "\t=1", "\r=1", "\n=1", "＝1", "＠A"]


@pytest.mark.parametrize("name", FORMULAS)
def test_no_name_is_a_formula(name: str) -> None:
    rules = {"parameters": {"at_most": 50, "name": name}}
    text = render("csv", [report(name, **rules)])
    head, row = csv.reader(io.StringIO(text), strict=True)
    for cell in (*head, *row):
        assert cell[:1] not in {"=", "+", "-", "@", "|", "%", "\t", "\r", "\n", "＝", "＠"}
    assert row[1].lstrip("'\N{REPLACEMENT CHARACTER}") == name.strip()


def test_a_negative_number_stays_a_number() -> None:
    found = report()
    verdict = replace(found.findings[0].verdict, found=-3, found_text="-3")
    finding = replace(found.findings[0], verdict=verdict)
    (row,) = read("csv", [replace(found, findings=(finding,))])
    assert row["parameters: value"] == "-3"


def test_the_columns_are_documented() -> None:
    text = (ROOT / "docs" / "ci.md").read_text("utf-8")
    table = text.partition("## A table for spreadsheets")[2].partition("\n## ")[0]
    for column in COLUMNS:
        assert f"`{column}`" in table
