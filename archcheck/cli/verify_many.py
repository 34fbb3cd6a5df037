"""``archcheck verify`` of several networks, or of folders."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from archcheck.cache.store import Store
from archcheck.cli.errors import UsageError
from archcheck.cli.many import Outcome, conclude, verify_all
from archcheck.cli.output import refuse_overwrite
from archcheck.cli.outputs import Destination, repeatable
from archcheck.cli.replay import this_run
from archcheck.phrases import by_name
from archcheck.spec import Report, Spec
from archcheck.verification.folders import folder_reference, is_folder, python_files
from archcheck.verification.mapping import MappedNetwork
from archcheck.verification.submission import Submission
from archcheck.worker.failures import InputError
from archcheck.worker.reference import Reference, parse_reference
from archcheck.worker.surroundings import Surroundings


@dataclass(frozen=True)
class Options:
    """What holds for all networks of a run."""

    spec: Spec
    places: Sequence[Destination]
    jobs: int
    timeout: float
    surroundings: Surroundings
    store: Store | None
    exit_zero: bool
    verbose: bool
    quiet: Callable[[list[Report]], list[Report]] | None = None
    """Takes out of the reports what is not told."""


def verify_many(
    names: Sequence[str], submitted: Callable[[Reference], Submission], options: Options
) -> int:
    """Verify networks and write the reports, in the order of their names.

    ``submitted`` is what is handed in with a network.

    Returns:
        The exit code. What is named and not there is an error, and keeps no other from being
        verified.

    Raises:
        SpecError, UsageError: if the spec or an option is wrong.
    """
    spec = options.spec
    outcome = Outcome()
    networks = list(_networks(names, submitted, spec, outcome))
    for network in networks[:1]:
        network.submission.inputs_under(spec)  # if that is not known it is so of none
    read = [file for network in networks for file in _files(network)]
    refuse_overwrite([place.file for place in options.places], [spec.file, *read])
    verify_all(
        networks,
        lambda network: spec,
        options.store,
        outcome,
        about=_in_options,
        jobs=options.jobs,
        timeout=options.timeout,
        surroundings=options.surroundings,
        verbose=options.verbose,
    )
    outcome.reports.sort(key=_place)
    if options.quiet is not None:
        outcome.reports = options.quiet(outcome.reports)
    code = conclude(outcome, options.places, options.exit_zero)
    if not outcome.errors and not options.verbose and options.quiet is None:
        this_run.keep(options.store, repeatable(outcome.reports, options.places), code)
    return code


def _networks(
    names: Sequence[str],
    submitted: Callable[[Reference], Submission],
    spec: Spec,
    outcome: Outcome,
) -> Iterator[MappedNetwork]:
    """The networks that are named, each once; a name that stands for none is an error."""
    seen: set[Reference] = set()
    for name in names:
        try:
            reference = folder_reference(name) or parse_reference(name)
        except InputError as error:
            nothing = Submission(reference=Reference("", "", ""))
            outcome.add_error(MappedNetwork(nothing, Path(name), spec.file), error, spec)
            continue
        if reference not in seen:
            seen.add(reference)
            file = Path(reference.file or reference.module)
            yield MappedNetwork(submitted(reference), file, spec.file)


def _files(network: MappedNetwork) -> Iterator[str | Path | None]:
    submission = network.submission
    if is_folder(submission.reference):
        with suppress(InputError):  # it is told when the folder is verified
            yield from python_files(network.file)
    yield from (submission.reference.file, submission.weights)
    yield submission.augmentation.file if submission.augmentation is not None else None


def _place(report: Report) -> tuple[object, ...]:
    return by_name(os.path.abspath(report.file)), by_name(report.name)


def _in_options(network: MappedNetwork, error: InputError) -> Exception:
    """An error that names the network, and the option that would mend it."""
    if error.subject:  # it is beside all of them
        return error
    from archcheck.cli.errors import input_error

    where = "" if error.says_where else f"{network}: "
    return UsageError(f"{where}{input_error(error)}")
