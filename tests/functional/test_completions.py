"""What a shell proposes while a command is typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands import output_of
from tests.support.imports import imported


@pytest.mark.parametrize(
    ("words", "proposed"),
    [
        ("verify net.py --spec assi", "assignment7 assignment7-dilated"),
        ("verify net.py -s ./assi", ""),  # the shell proposes files
        ("verify net.py --spec x --skip de", "depthwise depthwise-separable"),
        ("check --output-format j", "json json-lines junit"),
        ("inspect net.py --output-format ", "text json"),
        ("rule glob", "global-average-pool"),
        ("spec show mni", "mnist-20k"),
        ("spec sh", "show"),
    ],
)
def test_words_are_completed_and_nothing_is_written(
    tmp_path: Path, words: str, proposed: str
) -> None:
    typed = f"archcheck {words}"
    text = output_of(
        tmp_path,
        HOME=str(tmp_path),
        _ARCHCHECK_COMPLETE="complete_bash",
        COMP_WORDS=typed,
        COMP_CWORD=str(typed.count(" ")),
    )
    assert text.split() == proposed.split()
    assert not list(tmp_path.iterdir())


def test_the_names_of_rules_and_specs_need_no_torch() -> None:
    asked = "rule_names(''), spec_names('')"
    code = f"import sys\nfrom archcheck.cli.completions import *\nassert all(({asked}))\n"
    assert "torch" not in imported(code)
