"""The networks with the faults of published reports, and what is kept of the other tools' answers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from archcheck.lint import all_lint_rules
from benchmarks.lint import __main__ as command
from benchmarks.lint import linting, other_tools, page, results
from benchmarks.lint.batches import SAMPLES, batch
from benchmarks.lint.catalogue import (
    FAULTY,
    FIXED,
    HERE,
    NET,
    Case,
    Report,
    Trap,
    beyond,
    reports,
    traps,
)
from benchmarks.lint.other_tools import Said
from benchmarks.lint.results import Answer, Run
from benchmarks.processes import ROOT

REPORTS, TRAPS = reports(), traps()


def _name(case: Case) -> str:
    return case.name


@pytest.mark.slow
@pytest.mark.parametrize("report", REPORTS, ids=_name)
def test_a_fault_is_found_at_its_lines_and_nothing_in_its_fixed_twin(report: Report) -> None:
    answer = linting.answer(report)
    assert page.finds(report) == (not answer.unnamed), answer
    assert answer.others == []
    assert linting.findings(report, FIXED) == []


@pytest.mark.slow
@pytest.mark.parametrize("trap", TRAPS, ids=_name)
def test_sound_networks_that_look_like_faults_are_passed_in_silence(trap: Trap) -> None:
    assert linting.findings(trap, NET) == []
