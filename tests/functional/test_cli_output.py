"""Where reports go and in which form: terminals, pipes, files, colours and encodings."""

from __future__ import annotations

import json
import os
import re
import shlex
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from tests.support.commands import (
    COMMAND,
    LIMIT,
    environment,
    output_in_terminal,
    output_of,
    run_command,
)

NET = """\
from torch import nn

class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)

    def forward(self, x):
        return self.conv(x)
"""
SPEC = "input: [3, 8, 8]\nrules:\n  parameters: {less_than: 10}\n  macs: {at_most: 1M}\n"
VERIFY = ("verify", "net.py", "--spec", "spec.yaml")
INSPECT = ("inspect", "net.py", "--input", "3,8,8")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "good.yaml").write_text(SPEC.replace("less_than: 10", "exactly: 112"))
    return tmp_path


def run(folder: Path, *words: str, code: int = 1, **settings: str) -> str:
    return output_of(folder, *words, code=code, **settings)


def without_time(text: str) -> str:
    return re.sub(r" +[0-9.]+ s$", "", text, flags=re.MULTILINE)


# -- formats --------------------------------------------------------------------------------


def test_full_text_names_the_verdict_the_reason_and_the_line(folder: Path) -> None:
    lines = run(folder, *VERIFY).splitlines()
    assert lines[0].split() == [
        *("net.py:Net", "3×8×8", "→", "4×6×6", "112", "parameters", "3,888", "MACs")
    ]
    assert any(re.match(r"  ✗ parameters +112 +less than 10", line) for line in lines)
    assert any(re.match(r"  ✓ macs +3,888 +at most 1", line) for line in lines)
    assert re.match(r"1 of 2 rules failed, 1 holds +[0-9.]+ s$", lines[-1])


def test_a_network_that_cannot_run_is_one_line_in_concise(folder: Path) -> None:
    (folder / "broken.py").write_text("import no_such_module\n")
    done = run_command(
        folder, "verify", "broken.py", "--spec", "spec.yaml", "--output-format=concise"
    )
    assert done.stdout == (
        "broken.py:1:1: imports importing the file failed: the module 'no_such_module' is not "
        "installed\n"
    )


def test_a_link_is_called_by_its_own_name(folder: Path) -> None:
    (folder / "given.py").symlink_to("net.py")
    done = run_command(folder, "verify", "given.py", "--spec", "spec.yaml")
    assert done.stdout.startswith("given.py:")
    assert "given.py:" in done.stdout
    assert "─ net.py" not in done.stdout


def test_concise_is_one_line_a_finding(folder: Path) -> None:
    lines = run(folder, *VERIFY, "--output-format=concise").splitlines()
    assert len(lines) == 1
    assert re.match(r"net\.py:\d+:\d+: parameters .*112", lines[0])
    good = ("verify", "net.py", "--spec", "good.yaml", "--output-format=concise")
    assert run(folder, *good, code=0) == ""


def test_json_says_the_same(folder: Path) -> None:
    report: dict[str, Any] = json.loads(run(folder, *VERIFY, "--output-format=json"))
    assert report["version"] == 1
    assert report["passed"] is False
    assert (report["parameters"], report["macs"], report["input"]) == (112, 3888, [3, 8, 8])
    statuses = {rule["rule"]: rule["status"] for rule in report["rules"]}
    assert statuses == {"parameters": "failed", "macs": "passed"}


def test_exit_zero_changes_the_code_only(folder: Path) -> None:
    text = run(folder, *VERIFY, "--exit-zero", code=0)
    assert without_time(text) == without_time(run(folder, *VERIFY))


def test_the_table_shows_shapes_counts_and_lines(folder: Path) -> None:
    text = run(folder, *INSPECT, code=0)
    row = next(line for line in text.splitlines() if "4×6×6" in line)
    assert {"112", "3,888", ":6"} <= set(row.split())
    data = json.loads(run(folder, *INSPECT, "--output-format=json", code=0))
    assert [layer["output_shape"] for layer in data["layers"]] == [[4, 6, 6]]
    assert data["layers"][0]["built"] == {"file": "net.py", "line": 6}
    assert data["layers"][0]["called"] == {"file": "net.py", "line": 9}


# -- colour and width -----------------------------------------------------------------------


def test_a_terminal_gets_colour_and_a_pipe_the_same_text_without(folder: Path) -> None:
    seen = output_in_terminal(folder, *VERIFY, COLUMNS="120")
    piped = run(folder, *VERIFY)
    assert "\x1b[31m✗" in seen
    assert "\x1b[32m✓" in seen
    assert "\x1b" not in piped
    plain = [line.rstrip() for line in without_time(COLOUR.sub("", seen)).splitlines()]
    assert plain == [line.rstrip() for line in without_time(piped).splitlines()]


@pytest.mark.parametrize("settings", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_a_terminal_without_colour(folder: Path, settings: dict[str, str]) -> None:
    text = output_in_terminal(folder, *VERIFY, **settings)
    assert "1 of 2 rules failed" in text
    assert not re.search(r"\x1b\[[0-9;]*(3[0-7]|9[0-7]|38)[;m]", text)


def test_colour_can_be_forced_but_never_reaches_a_file(folder: Path) -> None:
    assert "\x1b[31m✗" in run(folder, *VERIFY, FORCE_COLOR="1")
    run(folder, *VERIFY, "-o", "report.txt", FORCE_COLOR="1")
    assert "\x1b" not in (folder / "report.txt").read_text(encoding="utf-8")
    data = run(folder, *VERIFY, "--output-format=json", FORCE_COLOR="1")
    assert json.loads(data)["passed"] is False


@pytest.mark.parametrize("columns", ["0", "1", "20", "80", "nonsense"])
def test_no_number_is_lost_in_a_narrow_window(folder: Path, columns: str) -> None:
    table = run(folder, *INSPECT, code=0, COLUMNS=columns)
    assert "112" in table
    report = run(folder, *VERIFY, COLUMNS=columns)
    assert "1 of 2 rules failed" in report
    assert "parameters" in report
    if columns == "80":
        assert max(map(len, (table + report).splitlines())) <= 80


def test_names_that_are_no_names_stay_in_their_row(folder: Path) -> None:
    (folder / "odd.py").write_text(
        "from torch import nn\n\n\nclass Net(nn.Sequential):\n"
        "    def __init__(self):\n        super().__init__()\n"
        "        self.add_module('a\\nb\\x1b[2J', nn.Conv2d(3, 4, 3))\n"
        "        self.add_module('層', nn.ReLU())\n"
    )
    lines = run(folder, "inspect", "odd.py", "--input", "3,8,8", code=0).splitlines()
    assert lines[3].split()[:5] == ["Conv2d-1", "a\ufffdb\ufffd[2J", "4×6×6", "112", "3,888"]
    assert lines[4].split()[:4] == ["ReLU-2", "層", "4×6×6", "3"]
    assert len({cell_len(line.rpartition(":")[0]) for line in lines[3:5]}) == 1


# -- encodings ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [{"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}],
    ids=["ascii", "latin-1"],
)
def test_an_encoding_without_the_letters(folder: Path, settings: dict[str, str]) -> None:
    (folder / "сеть.py").write_text(NET)
    words = [COMMAND, "verify", "сеть.py", "--spec", "spec.yaml"]
    options: dict[str, Any] = {"cwd": folder, "capture_output": True, "timeout": LIMIT}
    done = subprocess.run(words, env=environment(**settings), **options)
    assert (done.returncode, done.stderr) == (1, b"")
    assert b"1 of 2 rules failed" in done.stdout
    assert b"\n  x " in done.stdout  # and no question mark, which is a verdict of its own
    assert b"\n  + " in done.stdout
    assert b"\n  ? " not in done.stdout
    words.append("--output-format=json")
    done = subprocess.run(words, env=environment(**settings), **options)
    assert (done.returncode, done.stderr) == (1, b"")
    assert json.loads(done.stdout)["network"] == "сеть.py:Net"


@pytest.mark.parametrize("name", ["mein netz.py", "réseau/net für alle.py", "[bold]net.py"])
def test_paths_with_spaces_and_other_letters(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(NET)
    (folder / "meine prüfung.yaml").write_text(SPEC)
    text = run(folder, "verify", f"{name}:Net", "--spec", "meine prüfung.yaml", "-o", "böse.txt")
    assert text == ""
    assert (folder / "böse.txt").read_text(encoding="utf-8").startswith(f"{name}:Net ")


# -- files ----------------------------------------------------------------------------------


@pytest.mark.parametrize("output_format", ["full", "concise", "json"])
def test_a_report_in_a_file_is_the_report(folder: Path, output_format: str) -> None:
    words = (*VERIFY, f"--output-format={output_format}")
    file = folder / "report"
    file.write_text("old and much longer than the new report " * 1000)
    assert run(folder, *words, "--output-file", "report") == ""
    assert without_time(file.read_text(encoding="utf-8")) == without_time(run(folder, *words))
    assert (
        stat.S_IMODE(file.stat().st_mode) & 0o077
        == stat.S_IMODE((folder / "net.py").stat().st_mode) & 0o077
    )
    assert [path.name for path in folder.iterdir() if "report" in path.name] == ["report"]


def test_a_link_is_written_through(folder: Path) -> None:
    (folder / "real.txt").write_text("old")
    (folder / "link.txt").symlink_to("real.txt")
    run(folder, *VERIFY, "-o", "link.txt")
    assert (folder / "link.txt").is_symlink()
    assert "1 of 2 rules failed" in (folder / "real.txt").read_text(encoding="utf-8")


def test_a_pipe_can_be_the_file(folder: Path) -> None:
    assert "1 of 2 rules failed" in run(folder, *VERIFY, "-o", "/dev/fd/1")


def test_nothing_is_written_where_the_run_is_wrong(folder: Path) -> None:
    (folder / "report").write_text("old")
    words = ("verify", "net.py", "--spec", "./nothing.yaml", "-o", "report")
    assert run_command(folder, *words).returncode == 2
    assert (folder / "report").read_text() == "old"


@pytest.mark.parametrize(
    ("words", "file"),
    [
        ((*VERIFY, "-o", "net.py"), "net.py"),
        ((*VERIFY, "-o", "./spec.yaml"), "spec.yaml"),
        (("inspect", "net.py", "--input", "3,8,8", "-o", "link.py"), "net.py"),
        (("rf", "net.py", "--input", "3,8,8", "-o", "net.py"), "net.py"),
    ],
)
def test_a_report_is_not_written_over_what_is_read(
    folder: Path, words: tuple[str, ...], file: str
) -> None:
    (folder / "link.py").symlink_to("net.py")
    before = (folder / file).read_bytes()
    done = run_command(folder, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "would overwrite what is read: name another" in done.stderr
    assert (folder / file).read_bytes() == before


# -- a reader that goes away ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        ("rules", 0),
        ("schema", 0),
        ("rule receptive-field", 0),
        ("--help", 0),
        ("inspect net.py --input 3,8,8", 0),
        ("verify net.py --spec good.yaml", 0),
        ("verify net.py --spec spec.yaml", 1),
        ("verify net.py --spec spec.yaml --output-format=json", 1),
    ],
)
def test_a_closed_pipe_is_no_error_and_changes_no_verdict(
    folder: Path, words: str, verdict: int
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [COMMAND, *words.split()],
        cwd=folder,
        stdout=writer,
        stderr=subprocess.PIPE,
        env=environment(),
        timeout=LIMIT,
    )
    os.close(writer)
    assert done.stderr == b""
    assert done.returncode in (verdict, 141, -13)  # the last two: ended by the broken pipe


def test_head_gets_its_line(folder: Path) -> None:
    words = f"{shlex.join([COMMAND, *VERIFY])} | head -1"
    done = subprocess.run(
        words, shell=True, cwd=folder, capture_output=True, env=environment(), timeout=LIMIT
    )
    assert done.stdout.startswith(b"net.py:Net ")
    assert done.stdout.count(b"\n") == 1
    assert done.stderr == b""
