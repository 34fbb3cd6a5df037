"""The words of a command and the files behind them, told apart only where that is sure."""

from __future__ import annotations

import sys

import pytest

from archcheck.cli.replay import separated
from tests.support.commands import run_program


@pytest.mark.parametrize(
    ("words", "asked", "files"),
    [
        ("verify net.py --spec s", "verify net.py --spec s", None),
        ("verify -- net.py", "verify -- net.py", None),
        ("check", "check", ""),
        ("check a.py b.py", "check", "a.py b.py"),
        ("check --", "check", ""),
        ("check -- -v --help", "check", "-v --help"),
        ("check -- a -- b", "check", "a -- b"),
        ("check a.py -- b.py", "check a.py", "b.py"),
        ("check --timeout 5 -- a.py", "check --timeout 5", "a.py"),
        ("check --output-format=json -- a.py", "check --output-format=json", "a.py"),
        ("check --exit-zero -- a.py", "check --exit-zero -- a.py", None),
        ("check --config -- a.py", "check --config -- a.py", None),
        ("check -o=x -- a.py", "check -o=x -- a.py", None),
        ("check --exit-zero a.py", "check --exit-zero a.py", None),
        ("check --timeout 5", "check --timeout 5", None),
    ],
)
def test_files_stand_apart(words: str, asked: str, files: str | None) -> None:
    expected = None if files is None else files.split()
    assert separated(words.split()) == (asked.split(), expected)


def test_to_repeat_a_run_imports_neither_networks_nor_all_settings() -> None:
    code = "import sys, archcheck.cli.replay, archcheck.config.toml\nprint(*sys.modules)"
    done = run_program([sys.executable, "-c", code])
    assert "archcheck.cli.replay" in done.stdout.split()
    heavy = {"archcheck.network", "archcheck.config.model", "archcheck.worker.scripts"}
    assert heavy.isdisjoint(done.stdout.split())
