"""The hooks of a run that asks for archcheck."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from archcheck.pytest_plugin.items import RuleItem, SpecFile, SubmissionFile
from archcheck.pytest_plugin.reports import Reports, VerificationError, check_data
from archcheck.pytest_plugin.settings import Settings, shown
from archcheck.pytest_plugin.summary import Tally

ATTRIBUTE = "archcheck"
"""What a report of a rule carries beside its properties; it travels with it under xdist."""


class ArchcheckPlugin:
    """Collects submissions and specs, and sums up what they earn."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._tally = Tally()

    @cached_property
    def settings(self) -> Settings:
        """What is asked for."""
        return Settings.of(self._config)

    @cached_property
    def reports(self) -> Reports:
        """The reports of this process."""
        return Reports.of(self._config)

    @cached_property
    def _matched(self) -> dict[Path, tuple[str, ...]]:
        return self.settings.matched()

    # -- collecting -------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Tell what is wrong with the spec once, and not for every submission."""
        self._refuse_folders()
        if self.settings.spec:
            try:
                check_data(self.reports.spec(self.settings.spec), self.settings.artifacts)
            except VerificationError as error:
                raise pytest.UsageError(str(error)) from None

    def _refuse_folders(self) -> None:
        # pytest would import whatever is called test_*.py in them.
        settings = self.settings
        if not settings.on_command_line or settings.models:
            return
        if self._config.args_source is pytest.Config.ArgsSource.TESTPATHS:
            return
        folder = next((path for path in sorted(settings.named) if path.is_dir()), None)
        if folder is not None:
            name = shown(folder, self._config.invocation_params.dir)
            pattern = "*.py" if name == "." else f"{name}/*.py"
            raise pytest.UsageError(
                f"{name} is a folder: name the networks' files, or say which files in it hold "
                f"networks, like --archcheck-model '{pattern}'"
            )

    @pytest.hookimpl(wrapper=True)
    def pytest_collect_file(
        self, file_path: Path, parent: pytest.Collector
    ) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
        """Submissions are collected by no other plugin: they would be imported here."""
        others = yield
        settings = self.settings
        names = self._names(file_path)
        if names:
            if not settings.spec and file_path not in settings.named:
                return []  # a spec that is a test file will ask for it, or a marker
            return [self._submission(file_path, parent, names)]
        # Other tools have files with `rules:` in them, too.
        if settings.is_spec(file_path) and (settings.models or not others):
            spec = SpecFile.from_parent(
                _outside_packages(parent),
                path=file_path,
                settings=settings,
                reports=self.reports,
            )
            return [*others, spec]
        return others

    @pytest.hookimpl(tryfirst=True)
    def pytest_collect_directory(
        self, path: Path, parent: pytest.Collector
    ) -> pytest.Collector | None:
        """A folder that stands for its network; no other plugin looks into it."""
        names = self._matched.get(path, ())
        return self._submission(path, parent, names) if names and self.settings.spec else None

    def _submission(
        self, path: Path, parent: pytest.Collector, names: Sequence[str]
    ) -> pytest.Collector:
        submission: pytest.Collector = SubmissionFile.from_parent(
            _outside_packages(parent),
            path=path,
            spec=self.settings.spec,
            names=names,
            reports=self.reports,
            strict=self.settings.strict,
        )
        return submission

    def _names(self, path: Path) -> tuple[str, ...]:
        """The names of the networks in a submission; none if the file is no submission."""
        if path in self._matched:
            return self._matched[path]
        return ("",) if self.settings.is_submission(path) else ()

    # -- running ----------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Say in the report which submission it is about, and where a skipped rule would look."""
        report = yield
        if isinstance(item, RuleItem) and item.parent is not None:
            rules, points = item.whole
            facts = {
                "submission": item.parent.nodeid,
                "rule": item.number,
                "rules": rules,
                "runs": not item.broken,
                "points_possible": points.possible,
                "bonus_possible": points.bonus_possible,
                "asides": item.asides,
                "remarks": item.remarks,
            }
            setattr(report, ATTRIBUTE, facts)
            if report.skipped and isinstance(report.longrepr, tuple):
                path, line = item.place()
                report.longrepr = (path, line, report.longrepr[2])  # type: ignore[assignment]
        return report

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        """With ``-n`` alone, and in groups, the rules of one submission stay with one worker, so
        that it is traced once; loadscope and loadfile keep them together by themselves. Where they
        are spread all the same (worksteal) the cache spares the second trace."""
        if config.getoption("dist") not in ("load", "loadgroup"):
            return None
        from archcheck.pytest_plugin.scheduling import scheduler

        return scheduler(config, log, self._is_ours)

    def _is_ours(self, nodeid: str) -> bool:
        path = self._config.rootpath / nodeid.partition("::")[0]
        return bool(self._names(path)) or self.settings.is_spec(path)

    # -- summing up -------------------------------------------------------------------------

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count what a rule earned: here, in the process that prints, whoever ran it."""
        facts = getattr(report, ATTRIBUTE, None)
        if facts is not None and report.when == "call":
            self._tally.add(report.nodeid, facts, report.user_properties)

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter, exitstatus: int
    ) -> None:
        """Print the points of every submission."""
        lines = self._tally.lines()
        if not lines and exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            lines = [(_nothing(self.settings), False)]
        asides = [*self._tally.asides(), *self._tally.remarks()]
        if lines or asides:
            terminalreporter.write_sep("=", "archcheck")
        for text, full in lines:
            terminalreporter.write_line(text, green=full)
        for text in asides:
            terminalreporter.write_line(text, yellow=True)


def _outside_packages(parent: pytest.Collector) -> Any:
    """The nearest folder above that is no package: setting up a package imports it, and what was
    handed in is not imported here."""
    while isinstance(parent, pytest.Package) and parent.parent is not None:
        parent = parent.parent
    return parent


def _nothing(settings: Settings) -> str:
    if settings.models:
        matched = ", ".join(model.text for model in settings.models)
        return f"no network was checked: archcheck_model = {matched}: no such file was collected"
    return "no network was checked: archcheck_model says which files hold networks"
