"""What cannot be done ends with exit code 2 and one clear message on standard error."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

import pytest

from archcheck.reporters.formats import ReportFormat
from tests.support.commands import COMMAND, LIMIT, output_of, run_command

NET = """\
import os
from torch import nn

WIDTH = 4

class Net(nn.Module):
    def __init__(self, width=WIDTH):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)

    def forward(self, x):
        return self.conv(x)

def text():
    return "no network"
"""
SPEC = "input: [3, 8, 8]\nrules:\n  parameters: {at_most: 10k}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {
        "net.py": NET,
        "two.py": NET + NET.replace("class Net", "class Other"),
        "one.py": NET.replace("class Net", "class Deep").replace("3, ", "5, ") + NET,
        "none.py": "x = 1\n",
        "net.txt": NET,
        "spec.yaml": SPEC,
        "empty.yaml": "",
        "comment.yaml": "# nothing here\n",
        "norules.yaml": "input: [3, 8, 8]\n",
        "noinput.yaml": "rules:\n  parameters: {at_most: 10k}\n",
        "unknown.yaml": "input: [3, 8, 8]\nrules:\n  receptive_field: {more_than: 44}\n",
        "nokey.yaml": "input: [3, 8, 8]\nruls: {}\n",
        "broken.yaml": "input: [3, 8\nrules: }\n",
        "twice.yaml": SPEC + "  parameters: {at_most: 5}\n",
        "badinput.yaml": SPEC.replace("[3, 8, 8]", "[3, -8, 8]"),
        "badarguments.yaml": SPEC + "arguments: {depth: 3}\n",
        "aufgabe ü.yaml": SPEC,
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "binary.yaml").write_bytes(b"rules: \xff\xfe\n")
    (tmp_path / "sub folder").mkdir()
    return tmp_path


def assert_refused(done: subprocess.CompletedProcess[str], *expected: str) -> None:
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "archcheck itself failed" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.lower().startswith("error: ")]
    assert len(lines) == 1, done.stderr
    for words in expected:
        assert words in done.stderr


REFERENCES = {
    "nothing.py": ["there is no file nothing.py"],
    "nothing.py:Net": ["there is no file nothing.py"],
    "net.txt": ["net.txt is not a Python file"],
    "net.py:": ["nothing stands behind the colon"],
    "no_such_package:Net": ["there is no module no_such_package"],
    "no_such_package": ["there is no file no_such_package"],
    "-": ["a network is not read from standard input"],
    "": [],
}


@pytest.mark.parametrize("reference", REFERENCES)
def test_a_wrong_reference(folder: Path, reference: str) -> None:
    done = run_command(folder, "verify", reference, "--spec", "spec.yaml")
    assert_refused(done, *REFERENCES[reference])


CONTENTS = {
    "net.py:Nett": ["there is no Nett", "did you mean Net?"],
    "net.py:os": ["os is neither a network nor a function"],
    "net.py:WIDTH": ["WIDTH is neither a network nor a function"],
    "net.py:text": ["text() returned str, not an nn.Module"],
    "two.py": ["2 networks; name one: two.py:Net, two.py:Other"],
    "one.py": ["2 networks; name one that runs: one.py:Net; or one of the others: one.py:Deep"],
    "none.py": ["no nn.Module is defined here"],
    "sub folder": ["sub folder holds no Python file and no notebook"],
}


@pytest.mark.parametrize("reference", CONTENTS)
def test_a_file_that_does_not_hold_one_network_is_a_failed_result(
    folder: Path, reference: str
) -> None:
    words = ("verify", reference, "--spec", "spec.yaml", "--output-format", "json")
    report = json.loads(output_of(folder, *words, code=1))
    assert report["passed"] is False
    (first, *rules) = report["rules"]
    assert (first["rule"], first["status"]) == ("builds", "failed")
    for text in CONTENTS[reference]:
        assert text in first["message"]
    assert [rule["status"] for rule in rules] == ["not-verified"]


def test_what_is_not_there_stands_in_every_report(folder: Path) -> None:
    formats = [each.value for each in ReportFormat]
    options = [word for name in formats for word in ("--output-format", name, "-o", name)]
    done = run_command(folder, "verify", "nothing.py", "--spec", "spec.yaml", *options)
    assert_refused(done, "there is no file nothing.py")
    for name in formats:
        text = (folder / name).read_text(encoding="utf-8").replace("\\", "")
        assert "there is no file nothing.py" in text, name


SPECS = {
    "nothing.yaml": ["there is no file nothing.yaml"],
    "./sub folder": ["sub folder is a folder"],
    ".": [". is a folder; a spec is a file"],
    "empty.yaml": ["the spec is empty"],
    "comment.yaml": ["the spec is empty"],
    "norules.yaml": ["rules"],
    "noinput.yaml": ["input: [3, 32, 32]", "--input 3,32,32"],
    "unknown.yaml": [
        "unknown.yaml:3:3",
        'did you mean "receptive-field"?',
        "\n  │   ^^^^^^^^^^^^^^^",
    ],
    "nokey.yaml": ["nokey.yaml:2:1", 'did you mean "rules"?'],
    "broken.yaml": ["broken.yaml:"],
    "twice.yaml": ["twice.yaml:4:3"],
    "badinput.yaml": ["badinput.yaml:1:12"],
    "badarguments.yaml": ["no argument 'depth'; its arguments: width"],
    "binary.yaml": ["not UTF-8"],
    "net.py": [],
}


@pytest.mark.parametrize("spec", SPECS)
def test_a_wrong_spec(folder: Path, spec: str) -> None:
    assert_refused(run_command(folder, "verify", "net.py", "--spec", spec), *SPECS[spec])


OPTIONS = {
    "--arg=depth=3": ["no argument 'depth'; its arguments: width"],
    "--arg=width": ["name=value"],
    "--arg==3": ["name=value"],
    "--arg=width=[3": ["not YAML"],
    "--arg=width=1 --arg=width=2": ["width is given twice"],
    "--arg=width=99999999999999999999999": [],
    "--input=3,x,8": ["--input 3,x,8", "3,32,32"],
    "--input=3,,8": ["--input 3,,8", "3,32,32"],
    "--input=3,8,-8": ["3,32,32"],
    "--input=3,0,8": ["3,32,32"],
    "--input=": ["3,32,32"],
    "--input=3,99999999999999999999999,8": [],
    "--skip=nothing": ["--skip nothing: there is no such rule"],
    "--skip=parameter": ["did you mean parameters?"],
    "--skip=macs": ["the spec does not ask for it"],
    "--skip=parameters": ["leaves no rule"],
    "--timeout=0": ["--timeout", "0 is not enough; the least is 0.1"],
    "--memory=much": ["--memory much: write it like 2GB, 512MB or 1.5GiB"],
    "--timeout=soon": ["--timeout", "soon is not a number"],
    "--output-format=xml": ["--output-format", "json"],
    "--output-format=jsn": ["there is no jsn; did you mean json?"],
    "--outputformat=json": ["--output-format"],
    "-o nowhere/report.txt": ["nowhere/report.txt cannot be written"],
    "-o net.py/report.txt": ["net.py/report.txt cannot be written"],
    "-o /proc/report.txt": ["/proc/report.txt cannot be written"],
    "-o 'sub folder'": ["sub folder is a folder"],
    "-o /dev/full": ["/dev/full cannot be written", "No space left"],
}


@pytest.mark.parametrize("option", OPTIONS)
def test_a_wrong_option(folder: Path, option: str) -> None:
    before = sorted(folder.iterdir())
    done = run_command(folder, "verify", "net.py", "--spec", "spec.yaml", *shlex.split(option))
    assert_refused(done, *OPTIONS[option])
    made = ("__pycache__", ".archcheck_cache")
    assert sorted(path for path in folder.iterdir() if path.name not in made) == before


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["verify", "net.py"], "--spec"),
        (["verify"], "NET"),
        (["inspect", "net.py"], "--input 3,32,32"),
        (["inspect", "net.py", "--input", "no"], "3,32,32"),
        (["frobnicate"], "frobnicate"),
        (["rule", "receptive_field"], "did you mean receptive-field?"),
        (["rule", "zzz"], "there is no rule 'zzz'"),
        (["rules", "--output-format", "sarif"], "--output-format"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_command_line(folder: Path, words: list[str], expected: str) -> None:
    assert_refused(run_command(folder, *words), expected)


def test_paths_in_messages_keep_their_letters(folder: Path) -> None:
    done = run_command(folder, "verify", "mein netz ü.py", "--spec", "aufgabe ü.yaml")
    assert_refused(done, "there is no file mein netz ü.py")


def test_markup_in_a_message_is_text(folder: Path) -> None:
    assert_refused(
        run_command(folder, "verify", "[red]net[/red].py", "-s", "spec.yaml"), "[red]net[/red]"
    )


def test_files_of_the_working_folder_do_not_stand_for_libraries(folder: Path) -> None:
    for name in ("yaml", "msgspec", "rich", "typer", "archcheck", "pydantic", "difflib"):
        (folder / f"{name}.py").write_text("raise SystemExit('imported by mistake')\n")
    done = run_command(folder, "verify", "net.py", "--spec", "spec.yaml")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_full_disk_is_no_traceback(folder: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [COMMAND, "--help"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=LIMIT
        )
    assert_refused(subprocess.CompletedProcess([], done.returncode, "", done.stderr), "No space")


def test_a_closed_standard_output_is_no_bug_report(folder: Path) -> None:
    words = 'exec "$@" --output-format=json >&-'
    done = subprocess.run(
        ["sh", "-c", words, "sh", COMMAND, "verify", "net.py", "--spec", "spec.yaml"],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        timeout=LIMIT,
    )
    assert "archcheck itself failed" not in done.stderr
    assert "Traceback" not in done.stderr
