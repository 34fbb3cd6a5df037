"""The reports of a run: each made when it is first asked for, and once in a process."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from archcheck.cache.folder import BadFolder
from archcheck.cache.store import Store, open_store
from archcheck.errors import internal_error, system_error
from archcheck.evidence.datasets import DATASETS
from archcheck.network.inputs import Inputs
from archcheck.pytest_plugin.artifacts import Artifacts
from archcheck.pytest_plugin.settings import Settings
from archcheck.reporters.findings import ShownFinding, shown
from archcheck.reporters.formatting import path
from archcheck.reporters.specs import error_text
from archcheck.spec import Report, Spec, SpecError, failed_to_run, load_spec
from archcheck.tracing.remote import start_worker
from archcheck.verification.found import verify_found
from archcheck.verification.submission import Submission
from archcheck.verification.wording import input_finding
from archcheck.worker.failures import InputError, StartError
from archcheck.worker.process import ANY
from archcheck.worker.reference import Load, Reference
from archcheck.worker.surroundings import Surroundings


class VerificationError(Exception):
    """No report is possible, through no fault of the network: an error, not a failure."""


@dataclass
class LazyReport:
    """The report on a submission, made when it is first asked for."""

    submission: Submission
    spec: Spec
    timeout: float = 60.0
    surroundings: Surroundings = ANY
    _outcome: Report | VerificationError | None = field(default=None, init=False)

    def get(self) -> Report:
        """The report.

        Raises:
            VerificationError: if none is possible.
        """
        if self._outcome is None:
            self._outcome = self._make()
        if isinstance(self._outcome, VerificationError):
            raise VerificationError(str(self._outcome))
        return self._outcome

    def _make(self) -> Report | VerificationError:
        reference = self.submission.reference
        try:
            return self._verify()
        except InputError as error:
            if error.input == "data":
                return VerificationError(_in_options(error))
            # One file of many: it is that submission's result, not the run's end.
            file = reference.file or reference.module
            failure = input_finding(error)
            return failed_to_run(failure, self.spec, name=reference.name, file=file)
        except SpecError as error:
            return VerificationError(error_text(error))
        except (StartError, BadFolder) as error:
            return VerificationError(str(error))
        except OSError as error:
            return VerificationError(system_error(error))
        except Exception as error:
            return VerificationError(internal_error(error))

    def _verified(self, submission: Submission) -> Report:
        store = None if self.surroundings.clean_env else _store()
        start = functools.partial(start_worker, self.surroundings)
        return verify_found(submission, self.spec, store, start, timeout=self.timeout)[0]

    def _verify(self) -> Report:
        try:
            return self._verified(self.submission)
        except InputError as error:
            if error.input != "weights":
                raise
            # A checkpoint that cannot be read is no reason to verify nothing else.
            unmeasured = f"{path(error.subject)}: {error.message}"
            return self._verified(replace(self.submission, unmeasured=unmeasured))


def check_data(spec: Spec, artifacts: Artifacts) -> None:
    """Make sure that images are there before any accuracy is measured on them.

    Raises:
        VerificationError: if they are not.
    """
    if artifacts.weights is None or artifacts.data is None:
        return
    from archcheck.evaluation.images import find_images  # with it comes numpy

    for name in sorted({task.dataset for task in spec.needs.accuracy}):
        try:
            find_images(DATASETS[name], artifacts.data)
        except InputError as error:
            raise VerificationError(_in_options(error)) from None


def _in_options(error: InputError) -> str:
    return f"archcheck_data {error.subject}: {error.message}"


class Reports:
    """The reports and the specs of a run. Each network is verified once in a process under one
    spec."""

    @classmethod
    def of(cls, config: pytest.Config) -> Reports:
        """Those of a run."""
        if _REPORTS not in config.stash:
            settings = Settings.of(config)
            config.stash[_REPORTS] = cls(
                settings.timeout, settings.surroundings, settings.artifacts, settings.load
            )
        return config.stash[_REPORTS]

    def __init__(
        self, timeout: float, surroundings: Surroundings, artifacts: Artifacts, load: Load = ""
    ) -> None:
        self._load: Load = load
        self._timeout = timeout
        self._surroundings = surroundings
        self._artifacts = artifacts
        self._specs: dict[str, Spec] = {}
        self._reports: dict[tuple[int, str], LazyReport] = {}

    def spec(self, name: str) -> Spec:
        """A spec by its path, or a shipped one by its name.

        Raises:
            VerificationError: with everything that is wrong with it.
        """
        if name not in self._specs:
            try:
                self._specs[name] = load_spec(name)
            except SpecError as error:
                raise VerificationError(error_text(error)) from None
        return self._specs[name]

    def report(
        self,
        reference: Reference,
        spec: Spec,
        arguments: Mapping[str, Any] | None = None,
        artifacts: Artifacts | None = None,
        inputs: Inputs | None = None,
    ) -> LazyReport:
        """The report on a network and its artifacts, by default those that the options name, and
        on inputs in place of the spec's."""
        artifacts = self._artifacts if artifacts is None else artifacts
        loaded = structs.replace(reference, load=reference.load or self._load)
        submission = artifacts.with_network(loaded, arguments or {})
        submission = replace(submission, inputs=inputs)
        # The report holds the spec, so that its id stays its own.
        new = LazyReport(submission, spec, self._timeout, self._surroundings)
        return self._reports.setdefault((id(spec), repr(submission)), new)


_REPORTS = pytest.StashKey[Reports]()


def stage_of(report: Report) -> ShownFinding | None:
    """Why a network could not be run; None if it could."""
    return shown(report)[0] if report.network is None else None


def _store() -> Store | None:
    if re.fullmatch("1|true|t|yes|y|on", os.environ.get("ARCHCHECK_NO_CACHE", ""), re.IGNORECASE):
        return None
    folder = os.environ.get("ARCHCHECK_CACHE_DIR")
    return open_store(Path(folder) if folder else None)
