"""The project's root, and paths relative to it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from archcheck.network import Place
from archcheck.project import in_project, project_root
from archcheck.reporters.data import render
from archcheck.rules import Location
from archcheck.spec import Failure, failed_to_run, load_spec
from tests.support.reports import broken, report_on

pytestmark = pytest.mark.usefixtures("folder")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "project" / "deep"
    place.mkdir(parents=True)
    monkeypatch.chdir(place)
    return place


@pytest.mark.parametrize("mark", [".git", "pyproject.toml"])
def test_the_root_is_marked(folder: Path, mark: str) -> None:
    (folder.parent / mark).touch()
    assert project_root() == folder.parent
    (folder / "net.py").touch()
    assert in_project(str(folder / "net.py")) == "deep/net.py"
    assert in_project("net.py") == "deep/net.py"


def test_the_repository_counts_before_a_project_inside_of_it(folder: Path) -> None:
    (folder / "pyproject.toml").touch()
    (folder.parent / ".git").mkdir()
    assert project_root() == folder.parent


def test_without_a_mark_the_working_directory_is_the_root(folder: Path) -> None:
    assert in_project(str(folder / "a" / "net.py")) == "a/net.py"
    assert in_project(str(folder.parent / "net.py")) == str(folder.parent / "net.py")
    assert in_project("") == ""
    assert in_project("<string>") == "<string>"


def test_json_names_files_relative_to_the_project(folder: Path) -> None:
    (folder.parent / ".git").mkdir()
    data = json.loads(render([report_on(folder), broken(folder)]))
    assert [report["network"] for report in data["reports"]] == ["deep/net.py:Net"] * 2
    rules = [rule for report in data["reports"] for rule in report["rules"]]
    files = {where["file"] for rule in rules for where in rule["locations"]}
    assert files == {"deep/net.py"}


def test_json_calls_a_shipped_spec_by_its_name(folder: Path) -> None:
    failure = Failure("runs", "no", (Location(Place(str(folder / "net.py"), 9), ""),))
    for name, shown in (("assignment7", "assignment7"), (folder / "own.yaml", "own.yaml")):
        (folder / "own.yaml").write_text("rules: {parameters: {at_most: 5}}\n")
        report = failed_to_run(failure, load_spec(name), name="Net", file=str(folder / "net.py"))
        assert report.as_dict()["spec"] == shown


def test_without_a_working_directory_paths_stay_as_they_are(folder: Path) -> None:
    folder.rmdir()
    assert in_project("net.py") == "net.py"
    assert in_project(str(folder.parent / "net.py")) == str(folder.parent / "net.py")
