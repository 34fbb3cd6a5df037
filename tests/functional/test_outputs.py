"""Several reports at once: which goes where, in files, on standard output and inside GitHub."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from torch import nn

import archcheck
from archcheck.cli.errors import UsageError
from archcheck.cli.outputs import Destination, deliver, destinations
from archcheck.spec import Report
from tests.support.commands import run_command
from tests.support.readers import (
    read_github,
    read_gradescope,
    read_junit,
    read_markdown,
    read_sarif,
)

NET = "from torch import nn\n\nNet = nn.Sequential(nn.Conv2d(3, 4, 3))\n"
SPEC = "input: [3, 8, 8]\nrules:\n  parameters: {less_than: 10, points: 5}\n"


def run(folder: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return run_command(folder, "verify", "net.py", "--spec", "spec.yaml", *words, **settings)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "spec.yaml").write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def report() -> Report:
    rules = {"parameters": {"less_than": 10, "points": 5}, "max-pool": "forbidden"}
    return archcheck.verify(nn.Conv2d(3, 4, 3), {"rules": rules}, input_shape=(3, 8, 8))


# -- pairs -------------------------------------------------------------------------------------

PAIRS: list[tuple[list[str], list[str], list[tuple[str, str | None]]]] = [
    ([], [], [("full", None)]),
    ([], ["a"], [("full", "a")]),
    (["sarif"], [], [("sarif", None)]),
    (["sarif"], ["a"], [("sarif", "a")]),
    (["sarif"], ["-"], [("sarif", None)]),
    (["sarif", "full"], ["a", "-"], [("sarif", "a"), ("full", None)]),
    (["json", "json"], ["a", "b"], [("json", "a"), ("json", "b")]),
]


@pytest.mark.parametrize(("formats", "files", "expected"), PAIRS)
def test_the_first_file_is_the_first_formats(
    formats: list[str], files: list[str], expected: list[tuple[str, str | None]]
) -> None:
    found = destinations(formats, [Path(file) for file in files])
    wanted = [Destination(name, None if file is None else Path(file)) for name, file in expected]
    assert list(found) == wanted


@pytest.mark.parametrize(
    ("formats", "files", "part"),
    [
        (["full", "sarif"], [], "2 --output-format and 0 --output-file"),
        (["full", "sarif"], ["a"], "give each format its -o, in the same order"),
        (["full"], ["a", "b"], "1 --output-format and 2"),
        ([], ["a", "b"], "1 --output-format and 2"),
        (["full", "sarif"], ["-", "-"], "two reports cannot go to standard output"),
        (["full", "sarif"], ["a", "./a"], "two reports cannot go to a"),
    ],
)
def test_what_is_ambiguous_is_refused(formats: list[str], files: list[str], part: str) -> None:
    with pytest.raises(UsageError, match=part):
        destinations(formats, [Path(file) for file in files])


def test_several_reports_through_the_command(folder: Path) -> None:
    words = ["--output-format=sarif", "-o", "r.sarif", "--output-format=full", "-o", "-"]
    words += ["--output-format=junit", "-o", "r.xml", "--output-format=gradescope", "-o", "r.json"]
    done = run(folder, *words)
    assert (done.returncode, done.stderr) == (1, "")
    assert "1 of 1 rule failed      0 of 5 points" in done.stdout
    (issue,) = read_sarif((folder / "r.sarif").read_text("utf-8"))
    assert issue["region"] == (3, 21, 3, 39)
    (suite,) = read_junit((folder / "r.xml").read_text("utf-8"))
    assert (suite.name, suite.failures) == ("net.py:Net", 1)
    assert read_gradescope((folder / "r.json").read_text("utf-8"))["score"] == 0
    left = {path.name for path in folder.iterdir()} - {"__pycache__", ".archcheck_cache"}
    assert left == {"net.py", "r.json", "r.sarif", "r.xml", "spec.yaml"}


def test_an_ambiguous_command_line_ends_with_2(folder: Path) -> None:
    done = run(folder, "--output-format=full", "--output-format=sarif", "-o", "a")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: 2 --output-format and 1 --output-file")


# -- files -------------------------------------------------------------------------------------


def test_a_file_that_cannot_be_written(folder: Path, report: Report) -> None:
    with pytest.raises(UsageError, match=r"nowhere/r\.json cannot be written"):
        deliver([report], destinations(["json"], [Path("nowhere/r.json")]))


@pytest.mark.parametrize("spec", ["nothing.yaml", "wrong.yaml"])
def test_gradescope_is_told_where_nothing_can_be_graded(folder: Path, spec: str) -> None:
    (folder / "wrong.yaml").write_text("rules: {max-pol: forbidden}\n")
    done = run(folder, "--spec", spec, "--output-format=gradescope", "-o", "results.json")
    assert (done.returncode, done.stdout) == (2, "")
    data = read_gradescope((folder / "results.json").read_text("utf-8"))
    assert (data["score"], [test["status"] for test in data["tests"]]) == (0, ["failed"])
    assert ("there is no file" if spec == "nothing.yaml" else "max-pol") in data["output"]


# -- inside GitHub Actions ---------------------------------------------------------------------


@pytest.fixture
def inside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder / "summary.md"))
    (folder / "summary.md").write_text("# before\n")
    return folder


def commands(text: str) -> list[dict[str, Any]]:
    return read_github("".join(line for line in text.splitlines(True) if line.startswith("::")))


def test_annotations_stand_beside_text(
    inside: Path, report: Report, capsys: pytest.CaptureFixture[str]
) -> None:
    deliver([report], destinations([], []))
    seen = capsys.readouterr()
    assert "1 of 2 rules failed" in seen.out
    assert [command["rule"] for command in commands(seen.out)] == ["parameters"]
    assert seen.err == ""
    summary = (inside / "summary.md").read_text("utf-8")
    assert summary.startswith("# before\n### Conv2d\n")
    assert ["✗", "parameters", "112", "less than 10", "0/5"] in read_markdown(summary)


def test_annotations_leave_a_document_alone(
    inside: Path, report: Report, capsys: pytest.CaptureFixture[str]
) -> None:
    deliver([report], destinations(["json"], []))
    seen = capsys.readouterr()
    assert json.loads(seen.out)["passed"] is False
    assert len(commands(seen.err)) == 1
    deliver([report], destinations(["sarif"], [Path("r.sarif")]))
    seen = capsys.readouterr()
    assert len(commands(seen.out)) == 1
    assert seen.err == ""


def test_annotations_are_written_once(
    inside: Path, report: Report, capsys: pytest.CaptureFixture[str]
) -> None:
    deliver([report], destinations(["github"], []))
    seen = capsys.readouterr()
    assert len(read_github(seen.out)) == 1
    assert seen.err == ""


def test_a_summary_that_cannot_be_written_is_a_warning(
    inside: Path,
    report: Report,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(inside))
    deliver([report], destinations([], []))
    seen = capsys.readouterr()
    assert len(commands(seen.out)) == 1
    assert seen.err.startswith("warning: the job summary cannot be written")


@pytest.mark.parametrize("settings", [{}, {"GITHUB_ACTIONS": "false"}])
def test_elsewhere_nothing_is_annotated(
    folder: Path,
    report: Report,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, str],
) -> None:
    for name, value in {**settings, "GITHUB_STEP_SUMMARY": str(folder / "summary.md")}.items():
        monkeypatch.setenv(name, value)
    deliver([report], destinations([], []))
    assert "::" not in capsys.readouterr().out
    assert not (folder / "summary.md").exists()


def test_text_of_a_submission_is_no_command(folder: Path) -> None:
    (folder / "net.py").write_text(
        "from torch import nn\n\nclass Net(nn.Module):\n    def forward(self, x):\n"
        "        print('::error::printed', flush=True)\n"
        "        raise ValueError('::error::raised ##[error]old\\n::error::twice')\n"
    )
    done = run(folder, GITHUB_ACTIONS="true")
    assert done.returncode == 1
    lines = [line for line in done.stdout.split("\n") if line.lstrip().startswith("::")]
    assert len(lines) == 1
    assert "##[" not in done.stdout.replace(lines[0], "")
    assert "::error::raised ##[error]old" in read_github(lines[0] + "\n")[0]["text"]
