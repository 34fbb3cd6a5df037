"""Names, messages and paths from outside in reports: shown as they are, obeyed nowhere."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from functools import lru_cache
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from torch import nn

import archcheck
from archcheck.network import Network, Place
from archcheck.plain_text import plain
from archcheck.reporters.formats import MACHINE_FORMATS, render
from archcheck.reporters.regions import relative
from archcheck.reporters.text import print_concise
from archcheck.rules import Location, Verdict
from archcheck.spec import Finding, Report, spec_from
from tests.support.reports import broken, read, report_on

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
    lines = StringIO()
    print_concise(report, Console(file=lines, width=120))
    assert len(lines.getvalue().removesuffix("\n").split("\n")) == 1


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
