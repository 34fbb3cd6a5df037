"""The key of a Network: whatever of archcheck's own code has a say in it is part of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

from archcheck.cache import programs
from archcheck.cache.keys import TRACING, ReferenceKey, reference_key, request_key
from archcheck.worker.reference import LOADS, Reference
from tests.support.paths import ROOT

REFERENCE = Reference("net.py", "", "Net")


def key() -> ReferenceKey:
    """The key with archcheck's code as it is now."""
    programs.own_content.cache_clear()
    return reference_key(REFERENCE)


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of archcheck's code that the key is made of."""
    copy = tmp_path / "archcheck"
    shutil.copytree(ROOT / "archcheck", copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(programs, "PACKAGE", copy)
    yield copy
    programs.own_content.cache_clear()


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
    before = key()
    os.utime(code / file, (1, 1))
    assert key() == before
    with (code / file).open("a") as text:
        text.write("# changed")
    changed = key()
    assert changed.reference == before.reference
    assert changed.programs.keys() == before.programs.keys()
    assert dict(changed.programs.items() - before.programs.items()).keys() == {"archcheck"}
    assert request_key(changed, [(3, 8, 8)], {}, False) != request_key(
        before, [(3, 8, 8)], {}, False
    )


def test_code_that_does_not_trace_has_no_say(code: Path) -> None:
    before = key()
    (code / "reporters" / "text.py").write_text("")
    assert key() == before


def test_the_place_has_no_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = []
    for place in (tmp_path / "one", tmp_path / "deep" / "two"):
        (place / "models").mkdir(parents=True)
        (place / "pyproject.toml").touch()
        monkeypatch.chdir(place)
        monkeypatch.setenv("PYTHONPATH", f"{place}/models{os.pathsep}/opt/other")
        keys.append(reference_key(Reference(str(place / "models" / "net.py"), "", "Net")))
    assert keys[0] == keys[1]
    monkeypatch.setenv("PYTHONPATH", f"{place}/models{os.pathsep}/opt/another")
    changed = reference_key(Reference(str(place / "models" / "net.py"), "", "Net"))
    assert dict(changed.programs.items() - keys[0].programs.items()).keys() == {
        "the environment variable PYTHONPATH"
    }


def test_how_a_file_is_loaded_is_part_of_the_key() -> None:
    keys = {reference_key(Reference("net.py", "", "Net", load)).reference for load in ("", *LOADS)}
    assert len(keys) == 1 + len(LOADS)


def test_all_that_a_trace_imports_has_a_say() -> None:
    graph = grimp.build_graph("archcheck", exclude_type_checking_imports=True, cache_dir=None)
    job = "archcheck.tracing.job"
    imported = {job, *graph.find_upstream_modules(job)}
    covered = set(programs.own_files(TRACING))
    files = {str(ROOT / f"{name.replace('.', '/')}.py") for name in imported}
    packages = {str(ROOT / name.replace(".", "/") / "__init__.py") for name in imported}
    there = {file for file in files | packages if Path(file).is_file()}
    assert there - covered == set()
