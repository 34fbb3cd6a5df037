"""Edits that are tried: traced in a warm process, and judged by the spec."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from archcheck.evidence import Evidence, NotRun, Passes
from archcheck.evidence.passes import SEVERAL
from archcheck.spec import Report, Spec, check
from archcheck.suggestions.edits import Edit
from archcheck.suggestions.sites import Sources
from archcheck.suggestions.sources import NotEditable, Source
from archcheck.tracing.remote import trace_edited_in
from archcheck.tracing.requests import Edited, EditedRequest
from archcheck.verification.sources import cells_of, sources_of
from archcheck.verification.submission import Submission
from archcheck.worker.failures import Failure, how_it_ended
from archcheck.worker.process import Start
from archcheck.worker.reference import Reference

BATCH = 24
"""How many edits a process tries one after the other."""
LEAST_SECONDS, MOST_SECONDS = 2.0, 10.0
"""The time that one of them may take lies between these: an edit may make a loop endless."""
SLOWER = 20
"""How many times as long as the network itself an edited one may take."""

Contents = dict[str, bytes]
"""What the files that an edit changes hold after it, by their paths."""


@dataclass(frozen=True)
class Trial:
    """An edit and the report on the edited network; None where that does not run, and why."""

    edit: Edit
    report: Report | None
    reason: str = ""


class Trials:
    """Tries edits of a submission.

    Attributes:
        done: how many edits were tried.
    """

    def __init__(
        self, submission: Submission, spec: Spec, sources: Sources, start: Start, timeout: float
    ) -> None:
        self._submission = submission
        self._spec = spec
        self._sources = sources
        self._start = start
        self._timeout = min(timeout, MOST_SECONDS)
        variants = submission.variants_under(spec)
        self._variants = tuple(name for name, _ in variants)
        self._inputs = (submission.inputs_under(spec), *(inputs for _, inputs in variants))
        self.reference: Reference = submission.reference
        self.done = 0

    def hurry(self, seconds: float) -> None:
        """Give edits up that take much longer than the network itself, which took so long."""
        self._timeout = min(self._timeout, max(LEAST_SECONDS, SLOWER * seconds))

    def run(self, edits: Sequence[Edit]) -> Iterator[Trial]:
        """Try edits in order; each is judged when it is asked for."""
        for first in range(0, len(edits), BATCH):
            batch = edits[first : first + BATCH]
            for edit, (contents, outcome) in zip(batch, self._outcomes(batch), strict=True):
                self.done += 1
                report = self._report(contents, outcome) if outcome.networks else None
                yield Trial(edit, report, outcome.reason)

    def _outcomes(self, edits: Sequence[Edit]) -> list[tuple[Contents, Edited]]:
        """The files and the networks after each of some edits. What ends the process is left out of
        another try."""
        outcomes: dict[int, Edited] = {}
        contents: dict[int, Contents] = {}
        for number, edit in enumerate(edits):
            try:
                contents[number] = self._sources.after(edit)
            except NotEditable as error:
                outcomes[number] = Edited(reason=str(error))
        left = list(contents)
        while left:
            answer, done = self._traced([contents[number] for number in left])
            if not isinstance(answer, Failure):
                outcomes.update(zip(left, answer, strict=True))
                break
            culprit = left.pop(min(done, len(left) - 1))
            outcomes[culprit] = Edited(reason=how_it_ended(answer))
        return [(contents.get(number, {}), outcomes[number]) for number in range(len(edits))]

    def prove(self, contents: Contents) -> Report | None:
        """The report on a network whose files hold what they do after an edit, in a process of its
        own and with another batch; None where it does not run."""
        answer, _ = self._traced([contents], other_batches=True)
        if isinstance(answer, Failure) or not answer[0].networks:
            return None
        return self._report(contents, answer[0])

    def _traced(
        self, contents: list[Contents], other_batches: bool = False
    ) -> tuple[tuple[Edited, ...] | Failure, int]:
        """The answer of a process, and how many edits it had tried."""
        finished = 0

        def progress(done: int, total: int) -> None:
            nonlocal finished
            finished = done

        request = EditedRequest(
            self.reference,
            self._inputs,
            self._submission.arguments_under(self._spec),
            tuple(contents),
            self._submission.training,
            other_batches,
            SEVERAL if self._spec.needs.passes else 0,
        )
        with self._start() as worker:
            answer = trace_edited_in(worker, request, timeout=self._timeout, on_progress=progress)
        return answer, finished

    def _report(self, contents: Contents, outcome: Edited) -> Report:
        first, *others = outcome.networks
        variants = list(zip(self._variants, others, strict=True))
        evidence = Evidence(passes=self._passes(contents, outcome)) if outcome.passes else None
        file = self._submission.reference.file
        return check(first, self._spec, evidence, file=file, variants=variants)

    def _passes(self, contents: Contents, outcome: Edited) -> Passes:
        """The passes that a lint compares, with the sources after an edit."""
        first = outcome.networks[0]
        several, other = (NotRun(p) if isinstance(p, str) else p for p in outcome.passes)
        modes = (other, first) if self._submission.training else (first, other)
        sources = sources_of(first) | {
            file: Source(file, content).text for file, content in contents.items()
        }
        return Passes(modes[0], several, modes[1], sources, cells_of(sources))
