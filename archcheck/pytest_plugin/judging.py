"""One network under one spec: traced at the first question, and only once in a process."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from archcheck.cache import BadFolder, CachedTracing, Store, open_store
from archcheck.gathering import Submission
from archcheck.judging import judge
from archcheck.pytest_plugin.settings import Settings
from archcheck.reporters.specs import error_text
from archcheck.spec import Failure, Finding, Report, Spec, SpecError, failed_to_run, load_spec
from archcheck.tracing.failures import BadReference, StartError
from archcheck.tracing.reference import Reference


class Trouble(Exception):
    """Nothing can be said about a network, through no fault of its own: an error, no failure."""


@dataclass
class Judged:
    """A network and what is asked of it."""

    reference: Reference
    spec: Spec
    arguments: Mapping[str, Any] = field(default_factory=dict)
    timeout: float = 60.0
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
        submission = Submission(self.reference, self.arguments)
        try:
            with CachedTracing(self.reference, _store()) as tracer:
                return judge(submission, self.spec, tracer, timeout=self.timeout)
        except BadReference as error:
            # One file of many: it is that submission's result, not the run's end.
            file = self.reference.file or self.reference.module
            failure = Failure("runs", str(error))
            return failed_to_run(failure, self.spec, name=self.reference.name, file=file)
        except SpecError as error:
            return Trouble(error_text(error))
        except (StartError, BadFolder) as error:
            return Trouble(str(error))
        except OSError as error:
            file = f"{error.filename}: " if error.filename else ""
            return Trouble(f"{file}{error.strerror or error}")
        except Exception as error:
            if os.environ.get("ARCHCHECK_TRACEBACK"):
                raise
            return Trouble(
                f"archcheck itself failed: {type(error).__name__}: {error}\n"
                "this is a bug; run again with ARCHCHECK_TRACEBACK=1 and report what it prints"
            )


class Judgements:
    """All networks of a run, and the specs. Each pair is judged once in a process."""

    @classmethod
    def of(cls, config: pytest.Config) -> Judgements:
        """Those of a run."""
        if _JUDGEMENTS not in config.stash:
            config.stash[_JUDGEMENTS] = cls(Settings.of(config).timeout)
        return config.stash[_JUDGEMENTS]

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._specs: dict[str, Spec] = {}
        self._judged: dict[tuple[Reference, int, str], Judged] = {}

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
        self, reference: Reference, spec: Spec, arguments: Mapping[str, Any] | None = None
    ) -> Judged:
        """A network under a spec."""
        key = (reference, id(spec), repr(arguments or {}))
        found = self._judged.get(key)
        if found is None:
            found = Judged(reference, spec, arguments or {}, self._timeout)
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
