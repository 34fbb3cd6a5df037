"""One network under one spec: traced at the first question, and only once in a process."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from archcheck.cache import BadFolder, CachedTracing, Store, open_store
from archcheck.errors import internal_error, system_error
from archcheck.evidence.datasets import DATASETS
from archcheck.pytest_plugin.artifacts import Artifacts
from archcheck.pytest_plugin.settings import Settings
from archcheck.reporters.formatting import path
from archcheck.reporters.specs import error_text
from archcheck.spec import Failure, Finding, Report, Spec, SpecError, failed_to_run, load_spec
from archcheck.verification.collect import Submission
from archcheck.verification.verify import judge
from archcheck.worker.failures import InputError, StartError
from archcheck.worker.reference import Reference


class Trouble(Exception):
    """Nothing can be said about a network, through no fault of its own: an error, no failure."""


@dataclass
class Judged:
    """A network and what is asked of it."""

    reference: Reference
    spec: Spec
    arguments: Mapping[str, Any] = field(default_factory=dict)
    timeout: float = 60.0
    beside: Artifacts = field(default_factory=Artifacts)
    _answer: Report | Trouble | None = field(default=None, init=False)

    def report(self) -> Report:
        """The report; what it takes is done at the first call.

        Raises:
            Trouble: if there can be none.
        """
        if self._answer is None:
            self._answer = self._find_out()
        if isinstance(self._answer, Trouble):
            raise Trouble(str(self._answer))
        return self._answer

    def _find_out(self) -> Report | Trouble:
        submission = self.beside.with_network(self.reference, self.arguments)
        try:
            return self._judge(submission)
        except InputError as error:
            if error.input == "data":
                return Trouble(_in_options(error))
            # One file of many: it is that submission's result, not the run's end.
            file = self.reference.file or self.reference.module
            failure = Failure("runs", str(error))
            return failed_to_run(failure, self.spec, name=self.reference.name, file=file)
        except SpecError as error:
            return Trouble(error_text(error))
        except (StartError, BadFolder) as error:
            return Trouble(str(error))
        except OSError as error:
            return Trouble(system_error(error))
        except Exception as error:
            return Trouble(internal_error(error))

    def _judge(self, submission: Submission) -> Report:
        with CachedTracing(self.reference, _store()) as tracer:
            try:
                return judge(submission, self.spec, tracer, timeout=self.timeout)
            except InputError as error:
                if error.input != "weights":
                    raise
                # A checkpoint that nobody can read is no reason to judge nothing else.
                unmeasured = f"{path(error.subject)}: {error.message}"
                submission = replace(submission, unmeasured=unmeasured)
        with CachedTracing(self.reference, _store()) as tracer:
            return judge(submission, self.spec, tracer, timeout=self.timeout)


def check_data(spec: Spec, beside: Artifacts) -> None:
    """Make sure that images are there before any accuracy is measured on them.

    Raises:
        Trouble: if they are not.
    """
    if beside.weights is None or beside.data is None:
        return
    from archcheck.evaluation.images import find_images  # with it comes numpy

    for name in sorted({task.dataset for task in spec.needs.accuracy}):
        try:
            find_images(DATASETS[name], beside.data)
        except InputError as error:
            raise Trouble(_in_options(error)) from None


def _in_options(error: InputError) -> str:
    return f"archcheck_data {error.subject}: {error.message}"


class Judgements:
    """All networks of a run, and the specs. Each pair is judged once in a process."""

    @classmethod
    def of(cls, config: pytest.Config) -> Judgements:
        """Those of a run."""
        if _JUDGEMENTS not in config.stash:
            settings = Settings.of(config)
            config.stash[_JUDGEMENTS] = cls(settings.timeout, settings.beside)
        return config.stash[_JUDGEMENTS]

    def __init__(self, timeout: float, beside: Artifacts) -> None:
        self._timeout = timeout
        self._beside = beside
        self._specs: dict[str, Spec] = {}
        self._judged: dict[tuple[Reference, int, str, Artifacts], Judged] = {}

    def spec(self, name: str) -> Spec:
        """A spec by its path, or a shipped one by its name.

        Raises:
            Trouble: with everything there is to say about why it is none.
        """
        if name not in self._specs:
            try:
                self._specs[name] = load_spec(name)
            except SpecError as error:
                raise Trouble(error_text(error)) from None
        return self._specs[name]

    def judged(
        self,
        reference: Reference,
        spec: Spec,
        arguments: Mapping[str, Any] | None = None,
        beside: Artifacts | None = None,
    ) -> Judged:
        """A network under a spec, with what comes beside it: by default as the options say."""
        beside = self._beside if beside is None else beside
        key = (reference, id(spec), repr(arguments or {}), beside)
        found = self._judged.get(key)
        if found is None:
            found = Judged(reference, spec, arguments or {}, self._timeout, beside)
            self._judged[key] = found  # it holds the spec, so that its id stays its own
        return found


_JUDGEMENTS = pytest.StashKey[Judgements]()


def stage_of(report: Report) -> Finding | None:
    """Why a network could not be run; None if it could."""
    return report.findings[0] if report.network is None else None


def _store() -> Store | None:
    if re.fullmatch("1|true|t|yes|y|on", os.environ.get("ARCHCHECK_NO_CACHE", ""), re.IGNORECASE):
        return None
    folder = os.environ.get("ARCHCHECK_CACHE_DIR")
    return open_store(Path(folder) if folder else None)
