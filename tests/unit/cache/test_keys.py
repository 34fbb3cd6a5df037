"""The key of a Network: whatever of archcheck's own code has a say in it is part of it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import grimp
import pytest

from archcheck.cache import programs
from archcheck.cache.keys import TRACING, reference_key
from archcheck.worker.reference import Reference
from tests.support.paths import ROOT

REFERENCE = Reference("net.py", "", "Net")


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of archcheck's code that the key is made of."""
    copy = tmp_path / "archcheck"
    shutil.copytree(ROOT / "archcheck", copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(programs, "PACKAGE", copy)
    return copy


@pytest.mark.parametrize(
    "file",
    [
        "tracing/trace.py",
        "tracing/shape_rules/pointwise.py",
        "worker/loading.py",
        "worker/dependencies/recorder.py",
        "network/model.py",
    ],
)
def test_code_that_changed_has_another_key(code: Path, file: str) -> None:
    before = reference_key(REFERENCE)
    os.utime(code / file, (1, 1))
    assert reference_key(REFERENCE) != before


def test_code_that_does_not_trace_has_no_say(code: Path) -> None:
    before = reference_key(REFERENCE)
    os.utime(code / "reporters" / "text.py", (1, 1))
    assert reference_key(REFERENCE) == before


def test_all_that_a_trace_imports_has_a_say() -> None:
    graph = grimp.build_graph("archcheck", exclude_type_checking_imports=True, cache_dir=None)
    job = "archcheck.tracing.job"
    imported = {job, *graph.find_upstream_modules(job)}
    covered = {name for name, _, _ in programs.own_code(TRACING)}
    files = {str(ROOT / f"{name.replace('.', '/')}.py") for name in imported}
    packages = {str(ROOT / name.replace(".", "/") / "__init__.py") for name in imported}
    there = {file for file in files | packages if Path(file).is_file()}
    assert there - covered == set()
