"""``archcheck suggest`` as people run it: what it prints, writes and refuses."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.commands import (
    COMMAND,
    LIMIT,
    environment,
    output_of,
    run_command,
    run_program,
)
from tests.support.imports import RUN, imported
from tests.support.paths import ROOT
from tests.support.processes import wait_until

pytestmark = pytest.mark.slow
SPEC = str(ROOT / "specs" / "assignment7.yaml")
ONLY_NETWORK = ("--skip", "accuracy", "--skip", "augmentation")


def copied(name: str, folder: Path) -> Path:
    file = folder / "net.py"
    shutil.copy(ROOT / "examples" / "assignment7" / f"net{name}.py", file)
    return file


@pytest.mark.parametrize("name", ["000", "004"])
def test_a_suggestion_that_is_applied_passes(name: str, tmp_path: Path) -> None:
    file = copied(name, tmp_path)
    assert run_command(tmp_path, "verify", "net.py", "-s", SPEC, *ONLY_NETWORK).returncode == 1
    output_of(tmp_path, "suggest", "net.py", "-s", SPEC, "--apply", "1", errors=None)
    output_of(tmp_path, "verify", "net.py", "-s", SPEC, *ONLY_NETWORK, "--no-cache")
    before = (ROOT / "examples" / "assignment7" / f"net{name}.py").read_text()
    changed = set(before.splitlines()) ^ set(file.read_text().splitlines())
    assert len(changed) <= 4  # two lines, each as it was and as it is


def test_every_suggestion_holds_when_it_is_applied(tmp_path: Path) -> None:
    file = copied("004", tmp_path)
    original = file.read_bytes()
    said = output_of(tmp_path, "suggest", "net.py", "-s", SPEC, "--output-format", "json")
    suggestions = json.loads(said)["suggestions"]
    assert len(suggestions) == 3
    assert file.read_bytes() == original
    for suggestion in suggestions:
        (tmp_path / "edit.diff").write_text(suggestion["diff"])
        shutil.copy(ROOT / "examples" / "assignment7" / "net004.py", file)
        patched = run_program(["patch", "-p1", "-i", "edit.diff"], tmp_path)
        assert patched.returncode == 0, patched.stdout
        output_of(tmp_path, "verify", "net.py", "-s", SPEC, *ONLY_NETWORK, "--no-cache")


def test_what_an_edit_does_is_said(tmp_path: Path) -> None:
    copied("004", tmp_path)
    said = output_of(tmp_path, "suggest", "net.py", "-s", SPEC)
    assert "receptive-field 31 × 31 → 45 × 45, parameters, MACs and shapes unchanged" in said
    assert "not looked at: augmentation, accuracy" in said


def test_nothing_else_imports_the_syntax_trees() -> None:
    assert "libcst" not in imported(RUN.format(code=0), "suggest", "--help")
    assert "libcst" not in imported("import sys, archcheck.cli.app, archcheck.api\n")


NET = """\
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU())
        self.pool = nn.AvgPool2d(31)

    def forward(self, x):
        return self.pool(self.body(x)).flatten(1)
"""
GLOBAL = "input: [3, 32, 32]\nrules:\n  global-average-pool: required\n"


def written(folder: Path, source: str = NET, spec: str = GLOBAL) -> Path:
    (folder / "spec.yaml").write_text(spec)
    file = folder / "net.py"
    file.write_text(source)
    return file


def test_a_notebook_is_edited_by_cell(tmp_path: Path) -> None:
    written(tmp_path)
    lines = NET.splitlines(keepends=True)
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["the network\n"]},
        {"cell_type": "code", "metadata": {}, "outputs": [], "source": ["%matplotlib inline\n"]},
        {"cell_type": "code", "metadata": {}, "outputs": [], "source": lines},
    ]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    file = tmp_path / "net.ipynb"
    text = json.dumps(notebook, indent=1) + "\n"
    file.write_text(text)
    output_of(tmp_path, "suggest", "net.ipynb", "-s", "spec.yaml", "--apply", "1", errors=None)
    assert file.read_text() == text.replace("nn.AvgPool2d(31)", "nn.AdaptiveAvgPool2d(1)")
    output_of(tmp_path, "verify", "net.ipynb", "-s", "spec.yaml", "--no-cache")


def test_a_spec_that_holds_needs_no_edit(tmp_path: Path) -> None:
    written(tmp_path, NET.replace("31", "32"))
    said = output_of(tmp_path, "suggest", "net.py", "-s", "spec.yaml")
    assert said == "net.py:Net\n\nnothing fails: there is nothing to suggest\n"
    assert said == output_of(tmp_path, "suggest", "net.py", "-s", "spec.yaml", "--apply", "1")


def test_without_a_suggestion_the_exit_code_is_one(tmp_path: Path) -> None:
    spec = "input: [3, 32, 32]\nrules:\n  fully-connected: {at_least: 3}\n"
    file = written(tmp_path, spec=spec)
    said = output_of(
        tmp_path, "suggest", "net.py", "-s", "spec.yaml", "--apply", "1", code=2, errors=None
    )
    assert "0 suggestions" in said
    output_of(tmp_path, "suggest", "net.py", "-s", "spec.yaml", code=1)
    assert file.read_text() == NET


def test_a_network_that_raises_is_told_as_verify_tells_it(tmp_path: Path) -> None:
    written(tmp_path, NET.replace("nn.AvgPool2d(31)", "nn.AvgPool2d(33)"))
    said = output_of(tmp_path, "suggest", "net.py", "-s", "spec.yaml", code=1)
    assert "forward raised" in said
    assert "net.py:7" in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nothing.py", "-s", "spec.yaml"), "there is no file nothing.py"),
        (("net.py", "-s", "nothing.yaml"), "nothing.yaml"),
        (("net.py", "-s", "spec.yaml", "--skip", "macs"), "--skip macs: the spec does not ask"),
        (("net.py", "-s", "spec.yaml", "--apply", "0"), "the least is 1"),
        (("net.py", "-s", "spec.yaml", "-o", "net.py"), "would overwrite what is read"),
    ],
)
def test_wrong_words_are_told(words: tuple[str, ...], message: str, tmp_path: Path) -> None:
    written(tmp_path)
    done = run_command(tmp_path, "suggest", *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_the_best_suggestion_alone_is_a_diff(tmp_path: Path) -> None:
    written(tmp_path)
    diff = output_of(tmp_path, "suggest", "net.py", "-s", "spec.yaml", "--output-format", "diff")
    assert diff.splitlines()[:2] == ["--- a/net.py", "+++ b/net.py"]
    assert "+        self.pool = nn.AdaptiveAvgPool2d(1)" in diff.splitlines()


def test_nothing_is_written_until_it_is_asked_for(tmp_path: Path) -> None:
    file = written(tmp_path)
    before = sorted(tmp_path.iterdir())
    output_of(tmp_path, "suggest", "net.py", "-s", "spec.yaml")
    assert sorted(tmp_path.iterdir()) == before
    assert file.read_text() == NET


COUNTED = NET.replace(
    "        return",
    """\
        import pathlib, time
        with pathlib.Path(__file__).with_name("passes").open("a") as passes:
            passes.write("x")
            time.sleep(passes.tell())
        return""",
)
"""The network, each of whose passes takes a second longer than the last one."""


def test_an_interrupt_ends_with_its_exit_code(tmp_path: Path) -> None:
    spec = "input: [3, 32, 32]\nrules:\n  receptive-field: {at_least: 99}\n"
    written(tmp_path, COUNTED, spec)
    words = [COMMAND, "suggest", "net.py", "-s", "spec.yaml"]
    passes = tmp_path / "passes"
    with subprocess.Popen(
        words, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        wait_until(lambda: passes.exists() and passes.stat().st_size >= 3)
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=LIMIT)
    assert process.returncode == 130, out + errors
    assert b"interrupted" in out
    assert b"Traceback" not in errors
