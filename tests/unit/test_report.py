"""What Python and notebooks show of reports, networks and fields."""

from __future__ import annotations

from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from torch import nn

import archcheck
from archcheck.cli.output import render_brief, render_text
from archcheck.reporters.formats import MACHINE_FORMATS, ReportFormat, render

SPEC = {"input": [3, 8, 8], "rules": {"parameters": {"at_most": 100}, "max-pool": "forbidden"}}


@pytest.fixture(scope="module")
def report() -> archcheck.Report:
    return archcheck.verify(nn.Sequential(nn.Conv2d(3, 4, 3, dilation=2), nn.ReLU()), SPEC)


def test_a_report_shows_the_text_of_the_terminal(
    report: archcheck.Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert report.text() == render_text(report, "full", for_file=False)
    assert "✗ parameters" in report.text() and "\x1b" not in report.text()
    narrow = report.text(width=50)
    assert max(map(len, narrow.splitlines())) <= 50 < max(map(len, report.text().splitlines()))


@pytest.mark.parametrize("variable", ["NO_COLOR", "FORCE_COLOR"])
def test_colours_are_as_they_are_asked_for(
    report: archcheck.Report, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "1")
    assert "\x1b[31m✗" in report.text(colour=True)
    assert "\x1b" not in report.text()


def test_a_notebook_shows_tables(report: archcheck.Report) -> None:
    assert report.network is not None
    rf = archcheck.receptive_field(report.network)
    shown = [
        (report._repr_markdown_(), ["112", "at most 100", "forbidden"]),
        (report.network._repr_markdown_(), ["Conv2d-1", "4×4×4", "1,728"]),
        (rf._repr_markdown_(), ["ReLU-2", "5 × 5"]),
        (rf.at("features")._repr_markdown_(), ["height", "60.0 %"]),
    ]
    for text, cells in shown:
        html = MarkdownIt("commonmark").enable("table").render(text)
        assert html.count("<table>") == 1
        assert all(f">{cell}</td>" in html for cell in cells), html


def test_a_name_is_shown_as_it_is_in_a_notebook() -> None:
    net = nn.Sequential()
    net.add_module("a*b*|c", nn.Conv2d(3, 4, 3))
    network = archcheck.trace(net, (3, 8, 8))
    html = MarkdownIt("commonmark").enable("table").render(network._repr_markdown_())
    assert "<td>a*b*|c</td>" in html


NAMED = {
    "layers": [
        {"name": "the stem", "kind": "conv2d", "exactly": 0},
        {"name": "an activation", "kind": "relu", "exactly": 0},
    ]
}


@pytest.mark.parametrize("output_format", [each.value for each in ReportFormat])
def test_entries_of_one_rule_are_told_apart_by_their_names(output_format: str) -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    report = archcheck.verify(net, {"input": [3, 8, 8], "rules": NAMED})
    if output_format == "brief":
        text = render_brief([report], for_file=True)
    elif output_format in MACHINE_FORMATS:
        text = render(output_format, [report])
    else:
        text = render_text(report, output_format, for_file=True)
    assert "the stem" in text and "an activation" in text
    assert report.finding("an activation").verdict.locations[0].module == "1"


def test_a_network_without_a_name_is_called_by_its_file(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("from torch import nn\n1 / 0\nNet = nn.Linear(3, 3)\n")
    report = archcheck.verify(tmp_path / "net.py", SPEC)
    assert repr(report).startswith(f"<Report on {tmp_path}/net.py: failed: ")
    assert str(report).startswith(f"{tmp_path}/net.py: failed\n")
