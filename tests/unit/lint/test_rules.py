"""Every lint rule finds its faults at their lines, and nothing in sound networks."""

from __future__ import annotations

from pathlib import Path

import pytest

from archcheck.lint import LintRule, all_lint_rules
from archcheck.lint.base import Fault, Sample
from archcheck.rules import documentation
from tests.support.linting import found_in, lines_of, marked_lines, source_of

RULES = all_lint_rules()
FAULTY = [(rule, sample) for rule in RULES.values() for sample in rule.faulty]
SOUND = [(rule, sample) for rule in RULES.values() for sample in rule.sound]


def _name(value: object) -> str:
    return value.name if isinstance(value, LintRule) else ""


@pytest.mark.parametrize(("rule", "sample"), FAULTY, ids=_name)
def test_it_finds_its_fault_at_its_line(rule: LintRule, sample: Sample, tmp_path: Path) -> None:
    found = found_in(sample, rule, tmp_path)
    assert all(isinstance(each, Fault) for each in found)
    assert sorted({*lines_of(found)}) == marked_lines(source_of(sample))


@pytest.mark.parametrize(("rule", "sample"), SOUND, ids=_name)
def test_it_is_silent_on_what_is_sound(rule: LintRule, sample: Sample, tmp_path: Path) -> None:
    assert found_in(sample, rule, tmp_path) == []


@pytest.mark.parametrize("rule", RULES.values(), ids=_name)
def test_it_is_documented_and_proven(rule: LintRule) -> None:
    text = documentation(rule)
    headings = ["What it finds", "Why it matters", "Example", "When to ignore it"]
    assert [line.removeprefix("## ") for line in text.splitlines() if line[:3] == "## "] == headings
    assert rule.summary.endswith(".")
    assert rule.faulty
    assert rule.sound
    assert all(marked_lines(source_of(sample)) for sample in rule.faulty)
