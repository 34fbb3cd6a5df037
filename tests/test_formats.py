"""Reports for programs, each read back by its schema or by a reader of that format."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import junitparser
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from torch import nn

import archcheck
from archcheck.network import Network, Place
from archcheck.reporters.formats import JSON_FORMATS, MACHINE_FORMATS, render
from archcheck.reporters.issues import relative
from archcheck.reporters.words import plain
from archcheck.rules import Location, Verdict
from archcheck.spec import Failure, Finding, Report, failed_to_run, spec_from
from archcheck.spec.report import check
from tests.schemas import GITLAB, GRADESCOPE, SARIF

SOURCE = """\
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.größe = nn.Conv2d(3, 4, 3); self.pool = nn.MaxPool2d(2)

    def forward(self, x):
        return self.pool(self.größe(x))
"""
RULES: dict[str, Any] = {
    "parameters": {"at_most": 5, "points": 10},
    "macs": {"at_most": 5, "severity": "warning"},
    "max-pool": {"exactly": 0, "bonus": 2.5, "message": "pools: 100% out, please"},
    "receptive-field": [
        {"at_least": 1, "at": "nowhere", "points": 5},
        {"at_least": 1, "at": "nowhere", "when_unverified": "warn"},
        {"at_least": 5, "points": 20},
    ],
    "dilated": {"at_least": 1},
}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a network in it; the working folder lies below its root."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    return tmp_path


def traced(file: Path | str) -> Network:
    names: dict[str, Any] = {"__name__": "net"}
    exec(compile(SOURCE, str(file), "exec"), names)
    return archcheck.trace(names["Net"](), (3, 8, 8))


def report_on(folder: Path, name: str = "net.py") -> Report:
    file = folder / name
    file.write_text(SOURCE, encoding="utf-8")
    return check(traced(file), spec_from({"title": "own", "rules": RULES}), file=str(file))


def broken(folder: Path) -> Report:
    file = folder / "net.py"
    file.write_text(SOURCE, encoding="utf-8")
    failure = Failure("runs", "forward raised: no", (Location(Place(str(file), 9), "pool"),), "why")
    spec = spec_from({"rules": RULES})
    return failed_to_run(failure, spec, name="Net", file=str(file), output="::error::\x1b[31m")


# -- reading each format back ------------------------------------------------------------------


def read_sarif(text: str) -> list[dict[str, Any]]:
    data = json.loads(text)
    assert [error.message for error in SARIF.iter_errors(data)] == []
    (run,) = data["runs"]
    names = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(set(names)) == len(names)
    marks = [result["partialFingerprints"]["primaryLocationLineHash"] for result in run["results"]]
    assert len(set(marks)) == len(marks)
    found = []
    for result in run["results"]:
        assert names[result["ruleIndex"]] == result["ruleId"]
        places = [place["physicalLocation"] for place in result["locations"]]
        for place in places:
            region = place["region"]
            start = (region["startLine"], region["startColumn"])
            assert start < (region["endLine"], region["endColumn"])
            assert not place["artifactLocation"]["uri"].startswith("/")
        found.append(
            {
                "rule": result["ruleId"],
                "level": result["level"],
                "text": result["message"]["text"],
                "path": unquote(places[0]["artifactLocation"]["uri"]) if places else "",
                "region": tuple(places[0]["region"].values()) if places else None,
            }
        )
    return found


COMMAND = re.compile(r"::(error|warning|notice) ([^\r\n]*?)::([^\r\n]*)")


def read_github(text: str) -> list[dict[str, Any]]:
    def data(value: str) -> str:
        assert not re.search("%(?!25|0D|0A|3A|2C)", value)
        return unquote(value)

    found = []
    for line in text.split("\n")[:-1]:
        match = COMMAND.fullmatch(line)
        assert match is not None, line
        properties = dict(part.split("=", 1) for part in match[2].split(","))
        assert set(properties) <= {"title", "file", "line", "endLine", "col", "endColumn"}
        entry = {name: data(value) for name, value in properties.items()}
        rule = re.fullmatch(r"archcheck \((.*)\)", entry["title"])
        assert rule is not None
        found.append({**entry, "rule": rule[1], "level": match[1], "text": data(match[3])})
    return found


def read_gitlab(text: str) -> list[dict[str, Any]]:
    assert not text.startswith("\ufeff")
    data: list[dict[str, Any]] = json.loads(text)
    GITLAB.validate(data)
    assert len({entry["fingerprint"] for entry in data}) == len(data)
    for entry in data:
        assert entry["description"].startswith(entry["check_name"])
    return data


def read_junit(text: str) -> list[Any]:
    suites = list(junitparser.JUnitXml.fromstring(text.encode()))
    for suite in suites:
        cases = list(suite)
        results = [result for case in cases for result in case.result]
        counts = [
            sum(isinstance(result, kind) for result in results)
            for kind in (junitparser.Failure, junitparser.Error, junitparser.Skipped)
        ]
        assert [suite.failures, suite.errors, suite.skipped] == counts
        assert suite.tests == len(cases) == len({case.name for case in cases})
    return suites


MARKDOWN = MarkdownIt("gfm-like", {"linkify": False, "html": True})


def read_markdown(text: str) -> list[list[str]]:
    """The cells of its tables and the lines of its lists, as a reader sees them."""
    found: list[list[str]] = []
    for token in MARKDOWN.parse(text):
        children = token.children or []
        kinds = {child.type for child in children}
        assert kinds <= {"text", "text_special", "strong_open", "strong_close"}, kinds
        assert token.type not in ("html_block", "code_block", "fence", "hr", "blockquote_open")
        if token.type == "tr_open":
            found.append([])
        if token.type == "inline":
            seen = "".join(child.content for child in children)
            if token.level >= 4 and found and token.map is not None:
                found[-1].append(seen)
            else:
                found.append([seen])
    return found


def read_gradescope(text: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(text)
    GRADESCOPE.validate(data)
    assert data["score"] == sum(test.get("score", 0) for test in data["tests"])
    return data


READERS: dict[str, Callable[[str], Any]] = {
    "json": json.loads,
    "json-lines": lambda text: [json.loads(line) for line in text.splitlines()],
    "sarif": read_sarif,
    "github": read_github,
    "gitlab": read_gitlab,
    "junit": read_junit,
    "markdown": read_markdown,
    "gradescope": read_gradescope,
}


def read(output_format: str, reports: Sequence[Report]) -> Any:
    return READERS[output_format](render(output_format, reports))


def test_every_format_has_a_reader() -> None:
    assert set(READERS) == set(MACHINE_FORMATS)
    assert set(JSON_FORMATS) < set(MACHINE_FORMATS)


# -- what each finding becomes -----------------------------------------------------------------

EXPECTED = [
    ("parameters", "error", "the network has 112 parameters, required: at most 5."),
    ("macs", "warning", "one forward pass takes 3,888 MACs, required: at most 5."),
    ("max-pool", "note", "pools: 100% out, please."),
    ("receptive-field", "error", "not verified: there is no module 'nowhere'."),
    ("receptive-field", "warning", "not verified: there is no module 'nowhere'."),
    ("receptive-field", "error", "the last map before the head sees 4 × 4 of the input"),
    ("dilated", "error", "no dilated convolutions, required: at least 1."),
]


def test_sarif(repository: Path) -> None:
    found = read("sarif", [report_on(repository)])
    assert [(entry["rule"], entry["level"]) for entry in found] == [e[:2] for e in EXPECTED]
    for entry, (_, _, text) in zip(found, EXPECTED, strict=True):
        assert entry["text"].startswith(text)
        assert entry["path"] == "net.py"
    # Columns count characters, of which ö and ß are one each; Python 3.10 keeps none.
    line = SOURCE.splitlines()[8]
    start = line.index("self.größe(x)") + 1
    assert found[0]["region"] in ((9, start, 9, len(line)), (9, 1, 9, len(line) + 1))
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
        "1 max pool, required: forbidden",
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
    assert rows[1][0].startswith("3 of 6 rules failed, 1 warned, 2 not verified")
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
        "the network could not be run, 6 not verified, 0 of 35 points, 0 of 2.5 bonus points",
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
    elif output_format in ("json-lines", "junit"):
        assert len(found) == 3
    elif output_format in ("sarif", "github", "gitlab"):
        assert len(found) == 2 * len(EXPECTED) + 1
        text = render(output_format, reports)
        assert "bob/net.py" in text
    elif output_format == "gradescope":
        assert [test["name"] for test in found["tests"]][7] == "bob/net.py:Net: parameters"
    else:
        assert [row for row in found if row == ["bob/net.py:Net"]] != []


# -- names and messages from outside -----------------------------------------------------------

NAMES = ["a:b,c=d.py", "50%0A.py", "new\nline.py", "[x](y)|*z*.py", "<b>&amp;.py", "ünï 🙂.py"]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_shown_and_not_obeyed(repository: Path, name: str) -> None:
    report = report_on(repository, name)
    assert {entry["path"] for entry in read("sarif", [report])} == {name}
    assert {entry["file"] for entry in read("github", [report])} == {name}
    assert {entry["location"]["path"] for entry in read("gitlab", [report])} == {name}
    assert [suite.name for suite in read("junit", [report])] == [f"{name}:Net"]
    assert read("markdown", [report])[0] == [" ".join(f"{name}:Net".split())]
    assert read("gradescope", [report])["output"].startswith(f"{name}:Net: ")


def test_a_name_that_is_no_utf8(repository: Path) -> None:
    name = os.fsdecode(b"b\xff.py")
    report = replace(broken(repository), file=str(repository / name))
    finding = report.findings[0]
    place = Place(str(repository / name), 9)
    verdict = replace(finding.verdict, locations=(Location(place, "pool"),))
    report = replace(report, findings=(replace(finding, verdict=verdict), *report.findings[1:]))
    for output_format in MACHINE_FORMATS:
        render(output_format, [report]).encode("utf-8")
        read(output_format, [report])
    uri = json.loads(render("sarif", [report]))["runs"][0]["results"][0]["locations"][0]
    assert uri["physicalLocation"]["artifactLocation"]["uri"] == "b%FF.py"


@lru_cache(maxsize=1)
def small() -> Network:
    return archcheck.trace(nn.Conv2d(3, 4, 3), (3, 8, 8))


text = st.text(max_size=40)


@given(text, text, text, text)
def test_no_text_breaks_a_format(message: str, name: str, label: str, found: str) -> None:
    verdict = Verdict(
        "failed",
        found,
        found,
        "less",
        label or "x",
        (Location(Place(f"/{name}.py", 3), label, label),),
    )
    spec = spec_from({"rules": {"parameters": {"at_most": 5, "message": message, "points": 3}}})
    options = spec.requirements[0].options
    report = Report(name, f"/{name}.py", spec, (Finding("parameters", verdict, options),), small())
    said = plain(message or label or "x").strip()
    parsed = {name: read(name, [report]) for name in MACHINE_FORMATS}
    assert parsed["sarif"][0]["text"].startswith(said)
    assert parsed["github"][0]["text"].startswith(said)
    assert parsed["gitlab"][0]["description"].startswith(f"parameters: {said}")
    row, item = parsed["markdown"][-2:]
    assert row == ["✗", "parameters", " ".join(plain(found).split()), "less", "0/3"]
    assert item[0].startswith(f"parameters: {' '.join(said.split())}")


# -- paths -------------------------------------------------------------------------------------


def test_paths_are_relative_to_the_repository(
    repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = repository / "sub" / "net.py"
    file.touch()
    assert relative(str(file)) == relative("net.py") == "sub/net.py"
    outside = tmp_path_factory.mktemp("outside")
    assert relative(str(outside / "net.py")) == str(outside / "net.py")
    monkeypatch.chdir(outside)
    (outside / "net.py").touch()
    assert relative("net.py") == "net.py"  # no repository: the working folder
    (repository / ".git").rmdir()
    (repository / ".git").write_text("gitdir: elsewhere\n")  # a worktree
    monkeypatch.chdir(repository / "sub")
    assert relative(str(file)) == "sub/net.py"


def test_a_file_outside_of_the_repository_has_an_absolute_uri(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("out side")
    report = report_on(outside)
    uri = json.loads(render("sarif", [report]))["runs"][0]["results"][0]["locations"][0]
    address = uri["physicalLocation"]["artifactLocation"]["uri"]
    assert address == (outside / "net.py").as_uri()


def test_a_live_module_has_no_file() -> None:
    spec = {"rules": {"parameters": {"at_most": 5}}}
    report = archcheck.verify(nn.Conv2d(9, 4, 3), spec, input_shape=(3, 8, 8))
    report = replace(
        report,
        findings=tuple(
            replace(f, verdict=replace(f.verdict, locations=())) for f in report.findings
        ),
    )
    (result,) = json.loads(render("sarif", [report]))["runs"][0]["results"]
    assert result["locations"] == []
    assert "file" not in read("github", [report])[0]
    for output_format in MACHINE_FORMATS:
        read(output_format, [report])
