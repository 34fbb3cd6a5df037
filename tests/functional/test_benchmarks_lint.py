"""The networks with the faults of published reports, and what is kept of other tools' answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from torch import Tensor, nn

from archcheck.lint import all_lint_rules
from benchmarks.lint import linting, other_tools, page, results
from benchmarks.lint.batches import Batch, batch
from benchmarks.lint.catalogue import (
    FAULTY,
    FIXED,
    HERE,
    NET,
    Case,
    Marked,
    Report,
    Trap,
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
    assert bool(answer.unnamed) == bool(report.misses), answer
    assert answer.others == []
    assert linting.findings(report, FIXED) == []


@pytest.mark.slow
@pytest.mark.parametrize("trap", TRAPS, ids=_name)
def test_sound_networks_that_look_like_faults_are_passed_in_silence(trap: Trap) -> None:
    assert linting.findings(trap, NET) == []


@pytest.mark.parametrize("trap", [trap for trap in TRAPS if trap.suppressed], ids=_name)
def test_what_a_comment_suppresses_is_found_without_it(trap: Trap) -> None:
    found = linting.findings(trap, NET, ignores=False, select=[trap.suppressed])
    assert [finding.rule for finding in found] == [trap.suppressed]


class Twin:
    """One of a report's networks and a batch for it, seen with torch alone."""

    def __init__(self, model: nn.Module, given: Batch) -> None:
        self.model = model.eval()
        self.given = given

    def outputs(self, *inputs: Tensor) -> list[Tensor]:
        """What it returns in evaluation, flat."""
        with torch.no_grad():
            found = self.model(*(inputs or self.given.inputs))
        return [found] if isinstance(found, Tensor) else list(found)

    def gradients(self) -> dict[str, Tensor | None]:
        """The gradients of its parameters after a step of training."""
        self.model.train().zero_grad()
        self.given.loss(self.model(*self.given.inputs), self.given.targets).backward()  # type: ignore[no-untyped-call]
        self.model.eval()
        return {name: parameter.grad for name, parameter in self.model.named_parameters()}

    def parameters(self) -> int:
        """How many parameters it holds."""
        return sum(parameter.numel() for parameter in self.model.parameters())


def _mixes_samples(twin: Twin, axis: int) -> bool:
    """Whether what is made of one sample changes with another."""
    others = [each.clone() for each in twin.given.inputs]
    for each in others:
        each[1] = each[2]
    pairs = zip(twin.outputs(), twin.outputs(*others), strict=True)
    return any(not torch.equal(a.select(axis, 0), b.select(axis, 0)) for a, b in pairs)


def _is_random(twin: Twin) -> bool:
    pairs = zip(twin.outputs(), twin.outputs(), strict=True)
    return any(not torch.equal(a, b) for a, b in pairs)


def _has_constant_border(twin: Twin) -> bool:
    """Whether a corner of the output is the same for all samples."""
    (found,) = twin.outputs()
    return bool((found[:, :, 0, 0] == found[:1, :, 0, 0]).all())


def _loses_its_batch(twin: Twin) -> bool:
    one = twin.outputs(*(each[:1] for each in twin.given.inputs))
    return any(a.dim() != b.dim() for a, b in zip(one, twin.outputs(), strict=True))


def _sums_to_one(twin: Twin) -> bool:
    sums = twin.outputs()[0].sum(-1)
    return torch.allclose(sums, torch.ones_like(sums))


def _has_a_zero_gradient(twin: Twin) -> bool:
    return any(g is not None and not g.any() for g in twin.gradients().values())


def _has_no_gradient(twin: Twin) -> bool:
    return any(gradient is None for gradient in twin.gradients().values())


SHOWS: dict[str, Callable[[Twin], bool]] = {
    "activation-on-output": _sums_to_one,
    "batch-mixing": lambda twin: _mixes_samples(twin, 0),
    "batch-size-changes-rank": _loses_its_batch,
    "functional-dropout-always-on": _is_random,
    "layer-built-in-forward": _is_random,
    "padding-only-output": _has_constant_border,
    "relu-on-logits": lambda twin: bool(twin.outputs()[0].min() >= 0),
    "softmax-of-one": _has_a_zero_gradient,
    "softmax-over-batch": lambda twin: _mixes_samples(twin, twin.given.axis),
    "unused-parameter": _has_no_gradient,
}
"""How a fault shows itself where one network is looked at."""
FEWER = {"accidental-sharing", "reused-batchnorm", "unregistered-parameter"}
"""Faults by which a network has fewer parameters than are meant."""
OTHER = {"axis-reinterpretation", "inplace-corrupts-skip", "linear-chain"}
"""Faults by which a network computes something else than its twin with the same weights."""


def _give_weights(source: nn.Module, target: nn.Module) -> None:
    """Copy parameters in their order: layers may have other numbers in a sequence."""
    with torch.no_grad():
        for a, b in zip(source.parameters(), target.parameters(), strict=True):
            b.copy_(a)


@pytest.mark.parametrize("report", REPORTS, ids=_name)
def test_a_fault_shows_itself_in_one_twin_and_not_in_the_other(report: Report) -> None:
    torch.manual_seed(0)
    (rule,) = report.rules
    with report.built(FAULTY) as faulty_model, report.built(FIXED) as fixed_model:
        faulty, fixed = (Twin(m, batch(report, m)) for m in (faulty_model, fixed_model))
        if rule in FEWER:
            assert faulty.parameters() < fixed.parameters()
        elif rule in OTHER:
            _give_weights(faulty_model, fixed_model)
            pairs = zip(faulty.outputs(), fixed.outputs(), strict=True)
            assert any(not torch.allclose(a, b) for a, b in pairs)
        else:
            assert SHOWS[rule](faulty)
            assert not SHOWS[rule](fixed)


def test_a_spoilt_gradient_raises_and_its_twin_has_all_gradients() -> None:
    (report,) = (each for each in REPORTS if each.name == "pytorch_cifar")
    with report.built(FAULTY) as model, pytest.raises(RuntimeError, match="inplace operation"):
        Twin(model, batch(report, model)).gradients()
    with report.built(FIXED) as model:
        assert None not in Twin(model, batch(report, model)).gradients().values()


def test_every_file_is_in_its_table_and_reports_mark_lines() -> None:
    for folder, cases in (("reports", REPORTS), ("traps", TRAPS)):
        files = {file.stem for file in (HERE / folder).iterdir() if file.suffix != ".pyc"}
        assert files - {"__pycache__"} == {case.name for case in cases}
    assert all(any(mark.due for mark in report.marks) for report in REPORTS)
    rules = {rule for report in REPORTS for mark in report.marks for rule in mark.rules}
    assert rules <= all_lint_rules().keys()
    assert len({report.title for report in REPORTS}) == len(REPORTS) >= 25


def test_lines_at_fault_are_marked_with_those_that_do_as_well() -> None:
    marks = {report.name: report.marks for report in REPORTS}
    assert marks["swiftformer"] == [Marked(20, ("softmax-of-one",))]
    assert marks["tabformer"] == [Marked(10, ("batch-mixing",), others=(11,))]
    assert [mark.due for mark in marks["pytorch_nlp"]] == [True, False]


def test_a_report_is_linked_where_it_was_published() -> None:
    links = {report.name: (report.title, report.url) for report in REPORTS}
    base = "https://github.com/"
    assert links["setr"] == (
        "gupta-abhay/setr-pytorch#4",
        f"{base}gupta-abhay/setr-pytorch/issues/4",
    )
    assert links["iresnet"] == ("iduta/iresnet#2", f"{base}iduta/iresnet/pull/2")
    assert links["unsupervised_conv"][1].endswith("/commit/cf7c788")


def _asked(*faulty: Said, fixed: tuple[Said, ...] = ()) -> Answer:
    """What is kept of a tool that says this of the twins of SwiftFormer's report."""
    (report,) = (each for each in REPORTS if each.name == "swiftformer")
    said = {FAULTY: list(faulty), FIXED: list(fixed)}
    return results.answer_of("torchtest2", lambda case, name: said[name], report)


def test_a_fault_is_named_by_a_check_that_counts_for_it() -> None:
    assert _asked(Said("batch_independence", "error", "mixes")) == Answer()
    assert _asked(Said("gradient_flow", "warning", "w_g")) == Answer(check="gradient_flow")
    assert _asked(Said("gradient_flow", "warning", "w_g", 20)).line == 20
    assert _asked(Said("gradient_flow", "warning", "w_g", 21)).line is None


def test_what_is_said_of_the_fixed_twin_names_no_fault_and_is_counted() -> None:
    always = Said("gradient_flow", "error", "w_g")
    assert _asked(always, fixed=(always,)) == Answer(errors=1)


def test_a_tool_that_raises_on_a_sound_network_made_an_error() -> None:
    def ask(case: Case, name: str) -> list[Said]:
        raise ValueError("no\nmore")

    assert results.answer_of("torchtest2", ask, TRAPS[0]) == Answer(errors=1)
    assert results.answer_of("torchtest2", ask, REPORTS[0]).raised == "ValueError: no"


def test_the_source_of_one_network_keeps_its_lines() -> None:
    source = "import a\n\n\nclass Faulty:\n    b = 1\n\n\nclass FixedPart:\n    c = 1\n"
    assert other_tools.without(source, FIXED) == "import a\n\n\nclass Faulty:\n    b = 1\n\n\n\n\n"
    assert other_tools.without(source, "") == source


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    answers: dict[str, Any] = {
        "torchtest2": {"setr": Answer(check="a", line=3), "siamese": Answer()}
    }
    run = Run("2026-01-31", {"torchtest2": "0.1.0"}, answers)
    run.save(tmp_path / "found.json")
    assert results.load(tmp_path / "found.json") == run


def test_the_scoreboard_shows_the_run_that_is_kept() -> None:
    run = results.load(results.KEPT)
    text = (ROOT / "docs" / "lint.md").read_text(encoding="utf-8")
    assert text == page.with_scoreboard(text, run)
    names = {case.name for case in [*REPORTS, *TRAPS]}
    assert {tool: set(answers) for tool, answers in run.answers.items()} == dict.fromkeys(
        other_tools.TOOLS, names
    )


def test_the_scoreboard_says_who_found_what() -> None:
    run = results.load(results.KEPT)
    (setr,) = (each for each in REPORTS if each.name == "setr")
    answers = dict(run.answers)
    answers["torchtest2"] = {"setr": Answer(check="a"), "siamese": Answer(errors=2, warnings=1)}
    text = page.scoreboard(msgspec.structs.replace(run, answers=answers))
    total = len(REPORTS) + len(TRAPS)
    assert (
        f"| torchtest2 | 1 of {len(REPORTS)} | 0 | 2 on 1 of {total} | 1 on 1 of {total} |" in text
    )
    (row,) = (line for line in text.splitlines() if line.startswith(f"| [{setr.title}]"))
    assert row.split(" | ")[5] == "without a line"
