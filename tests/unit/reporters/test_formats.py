"""Reports for programs, each read back by its schema or by a reader of that format."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from torch import nn

import archcheck
from archcheck.reporters.formats import JSON_FORMATS, MACHINE_FORMATS, ReportFormat, render
from archcheck.spec import check, spec_from
from tests.support.paths import ROOT
from tests.support.readers import READERS
from tests.support.reports import SOURCE, broken, read, report_on, traced


def test_every_format_has_a_reader() -> None:
    assert set(READERS) == set(MACHINE_FORMATS)
    assert set(JSON_FORMATS) < set(MACHINE_FORMATS)


def test_the_readme_lists_every_format() -> None:
    table = (ROOT / "README.md").read_text("utf-8").partition("| `verify --output-format` |")[2]
    rows = table.partition("\n\n")[0].splitlines()[2:]
    listed = [name for row in rows for name in re.findall("`([a-z-]+)`", row.split("|")[1])]
    assert listed == [output_format.value for output_format in ReportFormat]


# -- what each finding becomes -----------------------------------------------------------------

EXPECTED = [
    ("parameters", "error", "the network has 112 parameters; at most 5 are allowed."),
    ("macs", "warning", "one forward pass takes 3,888 MACs; at most 5 are allowed."),
    ("max-pool", "note", "pools: 100% out, please."),
    ("receptive-field", "error", "not verified: there is no module 'nowhere'."),
    ("receptive-field", "warning", "not verified: there is no module 'nowhere'."),
    ("receptive-field", "error", "the last map before the head sees 4 × 4 of the input"),
    ("dilated", "error", "no dilated convolutions; at least 1 is required."),
]


def test_sarif(repository: Path) -> None:
    found = read("sarif", [report_on(repository)])
    assert [(entry["rule"], entry["level"]) for entry in found] == [e[:2] for e in EXPECTED]
    for entry, (_, _, text) in zip(found, EXPECTED, strict=True):
        assert entry["text"].startswith(text)
        assert entry["path"] == "net.py"
    # Columns count characters, of which ö and ß are one each.
    line = SOURCE.splitlines()[8]
    start = line.index("self.größe(x)") + 1
    assert found[0]["region"] == (9, start, 9, len(line))
    assert found[3]["region"] == (1, 1, 1, 2)
    assert "0 of 10 points" in found[0]["text"]
    run = json.loads(render("sarif", [report_on(repository)]))["runs"][0]
    assert run["automationDetails"]["id"] == "archcheck/net.py:Net/"
    assert run["properties"]["points"] == {
        "earned": 0,
        "possible": 35,
        "bonus": 0,
        "bonus_possible": 2.5,
    }
    described = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    assert described["max-pool"]["name"] == "MaxPool"
    assert described["max-pool"]["help"]["markdown"].startswith("## What it does")


def test_github(repository: Path) -> None:
    found = read("github", [report_on(repository)])
    levels = {"error": "error", "warning": "warning", "note": "notice"}
    assert [entry["level"] for entry in found] == [levels[level] for _, level, _ in EXPECTED]
    assert [entry["rule"] for entry in found[3:6]] == [
        *("receptive-field", "receptive-field[2]", "receptive-field[3]")
    ]
    for entry, (_, _, text) in zip(found, EXPECTED, strict=True):
        assert entry["text"].startswith(text)
        assert entry["file"] == "net.py"
    assert (found[0]["line"], found[3]["line"]) == ("9", "1")
    assert found[2]["text"].splitlines() == [
        "pools: 100% out, please.",
        "1 max pool; max pools are forbidden",
        "0 of 2.5 bonus points",
    ]


def test_gitlab(repository: Path) -> None:
    found = read("gitlab", [report_on(repository)])
    severities = {"error": "major", "warning": "minor", "note": "info"}
    assert [entry["severity"] for entry in found] == [severities[e[1]] for e in EXPECTED]
    for entry, (rule, _, text) in zip(found, EXPECTED, strict=True):
        assert entry["check_name"] == rule
        assert text in entry["description"]
    assert found[0]["location"] == {"path": "net.py", "lines": {"begin": 9}}


def test_fingerprints_survive_other_edits(repository: Path) -> None:
    before = read("gitlab", [report_on(repository)])
    file = repository / "net.py"
    report = report_on(repository)
    file.write_text("\n\n" + SOURCE, encoding="utf-8")
    moved = check(archcheck.trace(_load(file), (3, 8, 8)), report.spec, file=str(file))
    after = read("gitlab", [moved])
    assert [e["fingerprint"] for e in after] == [e["fingerprint"] for e in before]
    assert after[0]["location"]["lines"]["begin"] == 11


def _load(file: Path) -> nn.Module:
    names: dict[str, Any] = {"__name__": "net"}
    exec(compile(file.read_text("utf-8"), str(file), "exec"), names)
    net: nn.Module = names["Net"]()
    return net


def test_junit(repository: Path) -> None:
    (suite,) = read("junit", [report_on(repository)])
    assert suite.name == "net.py:Net"
    assert {p.name: p.value for p in suite.properties()} == {
        "spec": "own",
        "passed": "false",
        "points": "0",
        "points_possible": "35",
        "bonus": "0",
        "bonus_possible": "2.5",
    }
    kinds = {case.name: [type(r).__name__ for r in case.result] for case in suite}
    assert kinds == {
        "parameters": ["Failure"],
        "macs": [],  # a warning passes, with its reason as output
        "max-pool": ["Skipped"],
        "receptive-field": ["Error"],
        "receptive-field[2]": ["Skipped"],
        "receptive-field[3]": ["Failure"],
        "dilated": ["Failure"],
    }
    cases = {case.name: case for case in suite}
    assert cases["macs"].system_out.startswith("warning: one forward pass takes 3,888 MACs")
    assert cases["max-pool"].result[0].message == "bonus not earned: pools: 100% out, please."
    assert "net.py:9: return self.pool" in cases["parameters"].result[0].text


def test_markdown(repository: Path) -> None:
    rows = read("markdown", [report_on(repository)])
    assert rows[0] == ["net.py:Net"]
    assert rows[1][0].startswith(
        "3 of 7 rules failed, 1 warned, 2 not verified, 1 bonus not earned"
    )
    assert rows[1][0].endswith(", 0 of 35 points, 0 of 2.5 bonus points")
    table = [row for row in rows if len(row) == 5]
    assert table[0] == ["", "rule", "found", "required", "points"]
    assert table[1] == ["✗", "parameters", "112", "at most 5", "0/10"]
    assert table[3] == ["✗", "max-pool", "1", "forbidden", "+0/2.5"]
    assert table[4] == ["?", "receptive-field", "–", "at least 1", "0/5"]
    items = [row[0] for row in rows if len(row) == 1][2:]
    assert items[1].startswith("macs (warning): one forward pass takes 3,888 MACs")
    assert items[2].startswith("max-pool (bonus): pools: 100% out, please. (1 max pool")
    assert items[0].endswith("net.py:9")


def test_gradescope(repository: Path) -> None:
    data = read("gradescope", [report_on(repository)])
    tests = {test["name"]: test for test in data["tests"]}
    assert data["score"] == 0
    scored = {
        name: (t.get("score"), t.get("max_score"), t.get("status")) for name, t in tests.items()
    }
    assert scored == {
        "parameters": (0, 10, "failed"),
        "macs": (None, None, None),
        "max-pool": (0, 0, None),
        "receptive-field": (0, 5, "failed"),
        "receptive-field[2]": (None, None, None),
        "receptive-field[3]": (0, 20, "failed"),
        "dilated": (None, None, "failed"),
    }
    assert "bonus not earned: pools: 100% out" in tests["max-pool"]["output"]


def test_gradescope_counts_a_point_a_rule_where_the_spec_gives_none(repository: Path) -> None:
    rules = {"parameters": {"at_most": 5}, "macs": {"at_least": 5}, "dilated": "forbidden"}
    network = traced(repository / "net.py")
    data = read("gradescope", [check(network, spec_from({"rules": rules}))])
    assert [(t["score"], t["max_score"]) for t in data["tests"]] == [(0, 1), (1, 1), (1, 1)]
    assert data["score"] == 2


def test_a_bonus_raises_the_score_above_the_maximum(repository: Path) -> None:
    rules = {"parameters": {"at_least": 5, "points": 10}, "dilated": {"exactly": 0, "bonus": 200}}
    data = read("gradescope", [check(traced("net.py"), spec_from({"rules": rules}))])
    assert data["score"] == 210
    assert sum(test["max_score"] for test in data["tests"]) == 10


# -- networks that cannot be run, that pass, and several ---------------------------------------


def test_a_network_that_cannot_be_run(repository: Path) -> None:
    report = broken(repository)
    for output_format in ("sarif", "github", "gitlab"):
        (entry,) = read(output_format, [report])  # what was never checked is not repeated
        assert (entry.get("rule") or entry["check_name"]) == "runs"
    (github,) = read("github", [report])
    assert (github["level"], github["line"]) == ("error", "9")
    assert read("gitlab", [report])[0]["severity"] == "critical"
    (suite,) = read("junit", [report])
    assert (suite.failures, suite.errors, suite.skipped) == (1, 0, 7)
    data = read("gradescope", [report])
    assert data["score"] == 0
    assert sum(test.get("max_score", 0) for test in data["tests"]) == 35
    assert data["tests"][0]["name"] == "runs"
    rows = read("markdown", [report])
    assert [row[0] for row in rows][:2] == [
        "net.py:Net",
        "the network could not be run, 6 not verified, 1 bonus not earned, "
        "0 of 35 points, 0 of 2.5 bonus points",
    ]
    assert read("json", [report])["points"]["earned"] == 0


def test_a_network_that_passes(repository: Path) -> None:
    spec = spec_from({"rules": {"parameters": {"at_most": 500, "points": 1}}})
    report = check(traced(repository / "net.py"), spec)
    assert [read(name, [report]) for name in ("sarif", "github", "gitlab")] == [[], [], []]
    (suite,) = read("junit", [report])
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (1, 0, 0, 0)
    assert read("gradescope", [report])["score"] == 1


@pytest.mark.parametrize("output_format", MACHINE_FORMATS)
def test_several_networks_in_one_document(repository: Path, output_format: str) -> None:
    (repository / "bob").mkdir()
    reports = [report_on(repository), report_on(repository / "bob"), broken(repository)]
    found = read(output_format, reports)
    if output_format == "json":
        assert [entry["passed"] for entry in found["reports"]] == [False] * 3
    elif output_format in ("json-lines", "junit", "csv"):
        assert len(found) == 3
    elif output_format in ("sarif", "github", "gitlab"):
        assert len(found) == 2 * len(EXPECTED) + 1
        text = render(output_format, reports)
        assert "bob/net.py" in text
    elif output_format == "gradescope":
        assert [test["name"] for test in found["tests"]][7] == "bob/net.py:Net: parameters"
    else:
        assert [row for row in found if row == ["bob/net.py:Net"]] != []
