"""``archcheck suggest`` as people run it: what it prints, writes and refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support.commands import output_of, run_command, run_program
from tests.support.imports import RUN, imported
from tests.support.paths import ROOT

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
