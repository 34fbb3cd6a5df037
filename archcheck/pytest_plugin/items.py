"""Submissions and specs as collectors, rules as items.

Node ids are known before anything is traced: they come from the spec alone. So every submission
has the item ``runs`` in front of its rules, which fails where the network cannot be imported, built
or run; nothing about a submission changes which items there are.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from archcheck.plain_text import inert, plain
from archcheck.pytest_plugin.reports import LazyReport, Reports, VerificationError, stage_of
from archcheck.pytest_plugin.settings import Settings
from archcheck.reporters.findings import ShownFinding, numbered, shown
from archcheck.reporters.formatting import path as short_path
from archcheck.reporters.specs import offered
from archcheck.reporters.text import finding_text, remark_text
from archcheck.spec import Points, Spec
from archcheck.verification.folders import folder_reference
from archcheck.worker.failures import InputError
from archcheck.worker.reference import Reference, parse_reference

RUNS = "runs"
"""The name of the item that fails where a network cannot be imported, built or run."""


class RuleFailed(Exception):
    """A rule does not hold; the text says all that there is to say."""

    def __init__(self, text: str, finding: ShownFinding) -> None:
        super().__init__(text)
        self.finding = finding


class SubmissionFile(pytest.File):
    """A file with a network, ``mynet.py``, or a folder with one."""

    def __init__(
        self, *, spec: str, names: Sequence[str], reports: Reports, strict: bool, **kw: Any
    ) -> None:
        super().__init__(**kw)
        self._spec = spec
        self._names = names
        self._reports = reports
        self._strict = strict

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        """The rules; one level deeper where several networks of the file are asked for."""
        if not self._spec:
            raise self.CollectError(
                f"{short_path(str(self.path))}: archcheck_model names this file, but no spec: "
                "give --archcheck-spec or the ini value archcheck_spec"
            )
        spec = _loaded(self, self._reports, self._spec)
        try:
            named = str(self.path)
            parsed = folder_reference(named) or parse_reference(named)
        except InputError as error:  # a notebook
            raise self.CollectError(str(error)) from None
        for name in self._names:
            lazy_report = self._reports.report(Reference(parsed.file, "", name), spec)
            if len(self._names) == 1:
                yield from rules(self, lazy_report, self._strict)
            else:
                shown = name or "*"
                yield NetworkCollector.from_parent(
                    self, name=shown, lazy_report=lazy_report, strict=self._strict
                )


class SpecFile(pytest.File):
    """A spec that is a test file: the networks come from ``archcheck_model``."""

    def __init__(self, *, settings: Settings, reports: Reports, **kw: Any) -> None:
        super().__init__(**kw)
        self._settings = settings
        self._reports = reports

    def collect(self) -> Iterator[pytest.Collector]:
        """A collector for each network."""
        models = self._settings.models
        if not models:
            raise self.CollectError(
                f"{short_path(str(self.path))}: of which network is this asked? "
                "Give --archcheck-model FILE or the ini value archcheck_model"
            )
        spec = _loaded(self, self._reports, str(self.path))
        references: dict[str, Reference] = {}
        for model in models:
            matched = model.references()
            if not matched:
                raise self.CollectError(f"archcheck_model: there is no file {model.text}")
            references.update(matched)
        for name, reference in references.items():
            lazy_report = self._reports.report(reference, spec)
            yield NetworkCollector.from_parent(
                self, name=name, lazy_report=lazy_report, strict=self._settings.strict
            )


class NetworkCollector(pytest.Collector):
    """A network that shares its file with others: those of a spec, or of a Python file."""

    def __init__(self, *, lazy_report: LazyReport, strict: bool, **kw: Any) -> None:
        super().__init__(**kw)
        self._lazy_report = lazy_report
        self._strict = strict

    def collect(self) -> Iterator[pytest.Item]:
        """The rules."""
        yield from rules(self, self._lazy_report, self._strict)


def rules(parent: pytest.Collector, lazy_report: LazyReport, strict: bool) -> Iterator[pytest.Item]:
    """The items of one network: whether it runs, and one for each entry of the spec."""
    entries = [(r.rule.name, r.options) for r in lazy_report.spec.requirements]
    names = [RUNS, *numbered(entries)]
    for number, name in enumerate(names):
        yield RuleItem.from_parent(
            parent, name=name, lazy_report=lazy_report, number=number, strict=strict
        )


class RuleItem(pytest.Item):
    """One rule asked of one network. Item 0 is whether the network runs at all."""

    def __init__(self, *, lazy_report: LazyReport, number: int, strict: bool, **kw: Any) -> None:
        super().__init__(**kw)
        self.lazy_report = lazy_report
        self.number = number
        self._strict = strict
        self.finding: ShownFinding | None = None
        self.asides: list[str] = []
        """What was noticed beside the answer, a sentence each: it fails nothing."""
        self.faults: list[ShownFinding] = []
        """What was noticed and fails the run: what a lint found."""
        self.remarks: list[str] = []
        """What else is to be told of the network, a line each."""
        self.broken = False

    @property
    def whole(self) -> tuple[int, Points]:
        """How many rules the spec has, and the points that it gives."""
        return len(self.lazy_report.spec.requirements), offered(self.lazy_report.spec)

    def setup(self) -> None:
        """Trace the network, unless another item of it was here first. No answer is an error, not
        a failure of the rule."""
        report, text = None, ""
        try:
            report = self.lazy_report.get()
        except VerificationError as error:
            text = str(error)
        if report is None:
            pytest.fail(text, pytrace=False)
        self.remarks = [remark_text(remark) for remark in report.remarks]
        stage = stage_of(report)
        self.broken = stage is not None
        if self.number == 0:
            self.finding = stage
            return
        findings = shown(report)
        self.finding = findings[self.number - (stage is None)]
        own = self.finding.verdict.asides
        noticed = [
            each
            for each in findings
            if each.finding.aside and any(each.verdict is aside.verdict for aside in own)
        ]
        self.faults = [each for each in noticed if each.fails]
        rule = self.finding.rule
        self.asides = [_with_place(each, rule) for each in noticed if not each.fails]
        points = self.finding.points
        if points.possible:
            self._tell(points=points.earned, points_possible=points.possible)
        if points.bonus_possible:
            self._tell(bonus=points.bonus, bonus_possible=points.bonus_possible)

    def _tell(self, **properties: int | float) -> None:
        for pair in properties.items():
            if pair not in self.user_properties:  # an item may be run again
                self.user_properties.append(pair)

    def runtest(self) -> None:
        """Say what was found."""
        finding = self.finding
        if finding is None or finding.holds:
            return
        if finding.status == "failed":
            self._failed(finding)
        else:
            self._unverified(finding)

    def _failed(self, finding: ShownFinding) -> None:
        if not finding.fails:
            # The one outcome of pytest that says "does not hold" and fails nothing.
            pytest.xfail(_in_one_line(finding.outcome))
            return  # with --runxfail
        output = self.lazy_report.get().output
        if self.number == 0 and output:
            self.add_report_section("call", "stdout", inert(plain(output)))
        raise RuleFailed(self._text(finding), finding)

    def _unverified(self, finding: ShownFinding) -> None:
        stage = stage_of(self.lazy_report.get())
        if stage is not None and not self._runs_is_selected():
            # No other item says that the network cannot be run, and a skip is easily overlooked.
            raise RuleFailed(self._text(stage), stage)
        if self._strict and finding.fails:
            raise RuleFailed(self._text(finding), finding)
        pytest.skip(_in_one_line(finding.reason))

    def _runs_is_selected(self) -> bool:
        items = self.session.items
        return any(
            isinstance(item, RuleItem) and item.parent is self.parent and item.number == 0
            for item in items
        )

    def _text(self, finding: ShownFinding) -> str:
        points = str(self.finding.points) if self.finding is not None else ""
        faults = [finding_text(fault) for fault in self.faults]
        return "\n".join(part for part in (finding_text(finding), *faults, points) if part)

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        """The submission's file. Its line is not known before the network is traced."""
        file = self.lazy_report.submission.reference.file
        of = self.parent.nodeid if self.parent is not None else ""
        return (Path(file) if file else self.path), None, f"{of}: {self.name}"

    def place(self) -> tuple[str, int | None]:
        """The file and the line (from 1) that the finding is about, once it is known."""
        if self.finding is not None and self.finding.regions:
            return short_path(self.finding.regions[0].file), self.finding.line
        reference = self.lazy_report.submission.reference
        return short_path(reference.file) or reference.module, None

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *_: Any, **__: Any) -> Any:
        """The report's own words in place of a traceback."""
        error = excinfo.value
        if not isinstance(error, (RuleFailed, pytest.xfail.Exception)):
            return super().repr_failure(excinfo)
        shown = excinfo.getrepr(style="value")
        if isinstance(error, RuleFailed) and shown.reprcrash is not None:
            # What --tb=line shows, and JUnit as the message.
            path, line = self.place()
            shown.reprcrash.path, shown.reprcrash.lineno = path, line or 1
            shown.reprcrash.message = _in_one_line(f"{error.finding.rule}: {error.finding.reason}")
        return shown


def _with_place(finding: ShownFinding, rule: str) -> str:
    name = "" if finding.rule == rule else f"{finding.rule}: "
    where = ""
    if finding.regions:
        where = f" ({short_path(finding.regions[0].file)}:{finding.regions[0].at})"
    return _in_one_line(f"{name}{finding.reason}{where}")


def _in_one_line(text: str) -> str:
    return inert(" ".join(text.split()))


def _loaded(node: pytest.Collector, reports: Reports, name: str) -> Spec:
    try:
        spec = reports.spec(name)
    except VerificationError as error:
        raise node.CollectError(str(error)) from None
    if spec.inputs is None:  # there is no --input here
        where = f"{spec.file}: " if spec.file else ""
        raise node.CollectError(
            f"{where}the input's shape is not known: add `input: [3, 32, 32]` to the spec"
        )
    return spec
