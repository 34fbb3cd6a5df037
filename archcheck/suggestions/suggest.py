"""Suggestions for a network that fails its spec: searched, ranked, and each proven once more."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

from msgspec import structs

from archcheck.evidence import Needs
from archcheck.progress import Progress
from archcheck.rules.options import CommonOptions
from archcheck.spec import Report, Spec
from archcheck.suggestions.edits import Edit
from archcheck.suggestions.effects import Effect, effect_of
from archcheck.suggestions.files import difference
from archcheck.suggestions.search import Search, failing
from archcheck.suggestions.sites import Sources
from archcheck.suggestions.trials import Trials
from archcheck.verification.submission import Submission
from archcheck.worker.process import Start

SHOWN = 3
"""How many suggestions are made."""


@dataclass(frozen=True)
class Suggestion:
    """An edit after which a network holds to its spec.

    Attributes:
        places: the file and the line of each place that is edited.
        read: what the edited files held when they were read, by their paths.
        contents: what they hold after it.
        effect: what it does.
        diff: the edit as a unified diff.
        report: the report on the edited network.
    """

    places: tuple[tuple[str, int], ...]
    read: dict[str, bytes]
    contents: dict[str, bytes]
    effect: Effect
    diff: str
    report: Report


@dataclass
class Outcome:
    """What came of a search.

    Attributes:
        report: the report on the network as it is.
        suggestions: the best edits, the best one first.
        closest: where none was found, what the edit that came closest does, and the report on it.
        left_out: the rules that were not looked at, since they need more than the network.
        tried: how many edits were tried.
        interrupted: whether the search was broken off.
        unreadable: why files cannot be edited, by their paths.
    """

    report: Report
    suggestions: list[Suggestion] = field(default_factory=list)
    closest: tuple[Effect, Report] | None = None
    left_out: tuple[str, ...] = ()
    tried: int = 0
    interrupted: bool = False
    unreadable: dict[str, str] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether the network holds to the spec as it is."""
        return not failing(self.report)


def judged_by_the_network(spec: Spec) -> tuple[Spec, tuple[str, ...]]:
    """A spec without the rules that need weights or scripts, and the names of these."""
    asked = spec.requirements
    passes = (Needs(), Needs(passes=True))
    kept = tuple(each for each in asked if each.rule.needs(each.options) in passes)
    return replace(spec, requirements=kept), tuple(e.name for e in asked if e not in kept)


def suggest(
    submission: Submission,
    spec: Spec,
    report: Report,
    start: Start,
    timeout: float,
    on_progress: Progress,
) -> Outcome:
    """Search for edits after which a network that ran holds to a spec.

    Args:
        submission: the network.
        spec: what it has to hold to.
        report: the report on it, as :func:`judged_by_the_network` cut the spec.
        start: starts the processes that edits are tried in.
        timeout: seconds that an edited network may take.
        on_progress: called with how many edits are tried, of those that are planned.
    """
    looked_at, left_out = judged_by_the_network(spec)
    outcome = Outcome(report, left_out=left_out)
    if outcome.holds:
        return outcome
    sources = Sources(submission.reference)
    essential = tuple(each for each in looked_at.requirements if _may_fail(each.options))
    trials = Trials(submission, replace(looked_at, requirements=essential), sources, start, timeout)
    original = _as_it_is(trials)
    if isinstance(original, str):
        outcome.unreadable = {report.file: original}
        return outcome
    search = Search(original, sources, trials, on_progress)
    try:
        search.run()
    except KeyboardInterrupt:
        outcome.interrupted = True
    outcome.tried = trials.done
    proving = Trials(submission, looked_at, sources, start, timeout)
    written: list[dict[str, bytes]] = []
    for trial in sorted(search.found.holding, key=search.promise):
        contents = sources.after(trial.edit)
        if contents in written:  # another edit sets something to what it is
            continue
        written.append(contents)
        proven = proving.prove(contents)
        if proven is not None and not failing(proven):
            outcome.suggestions.append(_suggestion(trial.edit, contents, sources, report, proven))
        if len(outcome.suggestions) == SHOWN:
            break
    closest = search.found.closest
    if not outcome.suggestions and closest is not None and closest.report is not None:
        outcome.closest = effect_of(original, closest.report), closest.report
    outcome.unreadable = sources.unreadable
    return outcome


def _may_fail(options: CommonOptions) -> bool:
    return options.severity == "error" and not options.only_bonus


def _as_it_is(trials: Trials) -> Report | str:
    """The report on the network as it is, by the way in which edits of it are loaded; the reason
    where it is loaded in no way."""
    reference, reason = trials.reference, ""
    for load in (reference.load,) if reference.load else ("", "definitions"):
        trials.reference = structs.replace(reference, load=load)
        started = time.perf_counter()
        (trial,) = trials.run([{}])
        trials.done = 0
        trials.hurry(time.perf_counter() - started)
        if trial.report is not None and trial.report.network is not None:
            return trial.report
        reason = reason or trial.reason
    return reason


def _suggestion(
    edit: Edit, contents: dict[str, bytes], sources: Sources, before: Report, after: Report
) -> Suggestion:
    places = sorted((site.file, site.line) for site in edit)
    diff = "".join(difference(sources.read(file), content) for file, content in contents.items())
    read = {file: sources.read(file).content for file in contents}
    return Suggestion(tuple(places), read, contents, effect_of(before, after), diff, after)
