"""``archcheck verify`` of several networks, and of folders."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import archcheck
from tests.support.commands import output_of, run_command
from tests.support.notebooks import write_notebook
from tests.support.readers import read_csv

pytestmark = pytest.mark.slow

NET = """\
from torch import nn

class Net(nn.Module):
    def __init__(self, width={width}):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)

    def forward(self, x):
        return self.conv(x)
"""
SPEC = "input: [3, 8, 8]\nrules:\n  parameters: {at_most: 150, points: 4}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "spec.yaml").write_text(SPEC)
    for name, width in (("n1", 4), ("n2", 5), ("n10", 9)):
        (tmp_path / f"{name}.py").write_text(NET.format(width=width))
    return tmp_path


WORDS = ("--spec", "spec.yaml")


def test_each_has_its_report_and_a_line_at_the_end_in_natural_order(folder: Path) -> None:
    (folder / "n3.py").write_text("1 / 0\n")
    names = ("n10.py", "n2.py", "n3.py", "n1.py", "n1.py")
    text = output_of(folder, "verify", *names, *WORDS, "-j", "2", code=1)
    *reports, overview, last = text.split("\n\n")
    assert last == "2 of 4 networks failed\n"
    assert [re.split(" {3,}", line) for line in overview.splitlines()] == [
        ["✓ n1.py:Net", "the rule holds", "4 of 4 points"],
        ["✓ n2.py:Net", "the rule holds", "4 of 4 points"],
        ["✗ n3.py", "the network could not be run, 1 not verified", "0 of 4 points"],
        ["✗ n10.py:Net", "1 of 1 rule failed", "0 of 4 points"],
    ]
    heads = [part.split()[0] for part in reports if part.startswith("n")]
    assert heads == ["n1.py:Net", "n2.py:Net", "n3.py", "n10.py:Net"]
    assert "✗ parameters: " in text


def test_a_path_that_is_not_there_is_an_error_and_keeps_no_other_from_a_result(
    folder: Path,
) -> None:
    words = ("nope.py", "n2.py", "spec.yaml", "n1.py", *WORDS, "--output-format", "csv")
    done = run_command(folder, "verify", *words)
    assert done.returncode == 2
    first, second = done.stderr.splitlines()
    assert first == "error: there is no file nope.py"
    assert second.startswith("error: spec.yaml is not a Python file")
    rows = read_csv(done.stdout)
    found = [(row["file"], row["verdict"], row["points"]) for row in rows]
    assert found == [
        ("n1.py", "passed", "4"),
        ("n2.py", "passed", "4"),
        ("nope.py", "not run", "0"),
        ("spec.yaml", "not run", "0"),
    ]


def test_one_file_gives_the_report_on_it_alone(folder: Path) -> None:
    text = output_of(folder, "verify", "n1.py", *WORDS)
    assert text.startswith("n1.py:Net   3×8×8 → 4×6×6   112 parameters")
    assert text.count("\n\n") == 2
    assert "networks" not in text


def test_formats_and_options_are_those_of_one_network(folder: Path) -> None:
    words = ("n1.py", "n2.py:Net", *WORDS, "--arg", "width=3", "--input", "3,9,9")
    report = json.loads(output_of(folder, "verify", *words, "--output-format=json"))
    assert [each["network"] for each in report["reports"]] == ["n1.py:Net", "n2.py:Net"]
    assert [each["parameters"] for each in report["reports"]] == [84, 84]
    assert [each["input"] for each in report["reports"]] == [[3, 9, 9]] * 2
    said = (
        "error: n1.py: Net takes no argument 'wide'; its arguments: width; did you mean width? "
        "(given by --arg, or `arguments:` in the spec)\n"
    )
    errors = said + said.replace("n1.py", "n2.py:Net")
    output_of(folder, "verify", *words[:4], "--arg", "wide=3", code=2, errors=errors)
    said = "error: --output-file n2.py would overwrite what is read: name another\n"
    output_of(folder, "verify", *words[:4], "-o", "n2.py", code=2, errors=said)
    (folder / "wrong.yaml").write_text("rules: {parameterz: {at_most: 3}}\n")
    said = 'error: wrong.yaml:1:9: unknown rule "parameterz"; did you mean "parameters"?'
    done = run_command(folder, "verify", "n1.py", "n2.py", "--spec", "wrong.yaml")
    assert (done.returncode, done.stdout, done.stderr.count("error: ")) == (2, "", 1)
    assert done.stderr.startswith(said)


def test_the_same_run_is_repeated_until_one_of_the_networks_changes(folder: Path) -> None:
    words = ("verify", "n1.py", "n2.py", *WORDS, "-j", "2", "--output-format", "brief")
    first = output_of(folder, *words)
    again = output_of(folder, *words)
    assert [line.split("   ")[:3] for line in first.splitlines()] == [
        line.split("   ")[:3] for line in again.splitlines()
    ]
    assert first.count(" s\n") == 2
    assert " s\n" not in again  # without the time that it took
    (folder / "n2.py").write_text(NET.format(width=50))
    assert "1 of 2 networks failed" in output_of(folder, *words, code=1)


# -- folders ----------------------------------------------------------------------------------

SHAPED = "input: [3, 8, 8]\nrules:\n  output-shape: {shape: [5, 6, 6]}\n"
USES = "from blocks import Net as Block\n"


@pytest.fixture
def submissions(tmp_path: Path) -> Path:
    """Folders: a network with a helper and a script, two that fit, one of two that fits, none."""
    (tmp_path / "spec.yaml").write_text(SHAPED)
    five = NET.format(width=5)
    for name, text in {
        "s1/blocks.py": NET.format(width=4),
        "s1/net.py": USES + five.replace("nn.Conv2d(3, width, 3)", "nn.Sequential(Block(5))"),
        "s1/train.py": "from net import Net\n\nraise SystemExit('trains')\n",
        "s2/src/small.py": NET.format(width=5),
        "s2/src/wide.py": NET.format(width=9),
        "s3/a.py": five,
        "s3/b.py": five,
        "s10/notes.py": "",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "s11").mkdir()
    return tmp_path


FOLDERS = ("s1/", "s2", "./s3/", "s10/", "s11/")


def test_the_network_of_each_folder_is_found(submissions: Path) -> None:
    words = ("verify", *FOLDERS, *WORDS, "-j", "2")
    rows = read_csv(output_of(submissions, *words, "--output-format", "csv", code=1))
    assert [(row["file"], row["verdict"]) for row in rows] == [
        ("s1/net.py", "passed"),
        ("s2/src/small.py", "passed"),
        ("s3", "not run"),
        ("s10", "not run"),
        ("s11", "not run"),
    ]
    assert rows[0]["remarks"] == ""
    assert rows[1]["remarks"].endswith("; the others: src/wide.py")
    assert [row["reason"] for row in rows[2:]] == [
        "s3 holds 2 networks that fit; name one: a.py, b.py",
        "s10 holds no network: notes.py does not define an nn.Module",
        "s11 holds no Python file and no notebook",
    ]


def test_a_notebook_is_one_of_many_and_the_network_of_a_folder(folder: Path) -> None:
    (folder / "s1").mkdir()
    for name in ("n3.ipynb", "s1/Untitled.ipynb"):
        write_notebook(folder / name, "!pip install nothing", NET.format(width=5))
    words = ("n1.py", "n3.ipynb", "s1", *WORDS, "-j", "2", "--output-format", "csv")
    rows = read_csv(output_of(folder, "verify", *words))
    assert [(row["file"], row["network"], row["verdict"]) for row in rows] == [
        ("n1.py", "Net", "passed"),
        ("n3.ipynb", "Net", "passed"),
        ("s1/Untitled.ipynb", "Net", "passed"),
    ]


def test_a_folder_alone_has_the_report_on_its_network(submissions: Path) -> None:
    text = output_of(submissions, "verify", "s1", *WORDS, "--no-cache")
    assert text.startswith("s1/net.py:Net   3×8×8 → 5×6×6")
    assert "networks" not in text
    text = output_of(submissions, "verify", "s3", *WORDS, code=1)
    assert "in the spec it is `network: net.py`, or `network: net.py:Net`" in text
    (submissions / "spec.yaml").write_text(f"network: b.py\n{SHAPED}")
    assert output_of(submissions, "verify", "s3", *WORDS).startswith("s3/b.py:Net")


def test_a_run_over_folders_is_repeated_until_a_file_is_added(submissions: Path) -> None:
    words = ("verify", "s1", "s2", *WORDS, "--output-format", "brief")
    assert " s\n" in output_of(submissions, *words)
    assert " s\n" not in output_of(submissions, *words)
    (submissions / "s1" / "other.py").write_text(NET.format(width=5))
    assert "s1 holds 2 networks that fit" in output_of(submissions, *words, code=1)


def test_a_report_is_not_written_over_a_file_of_a_folder(submissions: Path) -> None:
    said = "error: --output-file s2/src/small.py would overwrite what is read: name another\n"
    words = ("verify", "s2", *WORDS, "-o", "s2/src/small.py")
    assert output_of(submissions, *words, code=2, errors=said) == ""


def test_check_knows_folders(submissions: Path) -> None:
    (submissions / "pyproject.toml").write_text(
        '[tool.archcheck.networks]\n"s[12]/" = "spec.yaml"\n'
    )
    for files in ((), ("s1/train.py", "s2"), ("s1/new.py", "s2/src/wide.py")):
        (submissions / "s1" / "new.py").write_text("x = 1\n")
        text = output_of(submissions, "check", *files, errors=None)
        assert [line.split()[1] for line in text.splitlines() if line.startswith("✓")] == [
            "s1/net.py:Net",
            "s2/src/small.py:Net",
        ]


def test_inspect_and_rf_find_the_network_too(submissions: Path) -> None:
    words = ("s1", "--input", "3,8,8")
    assert output_of(submissions, "inspect", *words).startswith("s1/net.py:Net")
    assert output_of(submissions, "rf", *words).startswith("s1/net.py:Net")
    assert "# s1/net.py:Net" in output_of(submissions, "spec", "init", *words)
    said = "error: s2 holds 2 networks that fit; name one: src/small.py, src/wide.py\n"
    output_of(submissions, "inspect", "s2", *words[1:], code=2, errors=said)
    output_of(
        submissions, "inspect", "s2:Net", *words[1:], code=2, errors=said.replace("y", "y:Net")
    )


def test_python_verifies_the_network_of_a_folder(submissions: Path) -> None:
    report = archcheck.verify(submissions / "s1", submissions / "spec.yaml")
    assert (report.name, Path(report.file).name, report.passed) == ("Net", "net.py", True)
    report = archcheck.verify(str(submissions / "s3"), submissions / "spec.yaml")
    assert "2 networks that fit" in str(report)
