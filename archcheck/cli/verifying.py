"""Networks that a command names, checked against one spec and reported."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from archcheck.cli.cached_trace import open_cache, tracing
from archcheck.cli.errors import FAILED
from archcheck.cli.options import surroundings_of
from archcheck.cli.replay import this_run
from archcheck.verification.folders import folder_reference
from archcheck.worker.reference import Load, Reference, parse_reference

if TYPE_CHECKING:
    from archcheck.spec import Report, Spec
    from archcheck.verification.submission import Submission


@dataclass(frozen=True)
class Asked:
    """The networks, what they are held to, and how they are run.

    ``spec`` reads what they are held to, ``submitted`` says what is handed in with a network.
    """

    nets: Sequence[str]
    spec: Callable[[], Spec]
    submitted: Callable[[Reference], Submission]
    load: Load
    timeout: float
    jobs: int
    memory: str | None
    clean_env: bool
    quiet: Callable[[list[Report]], list[Report]] | None = None
    """Takes out of the reports what is not told."""


def verify_networks(
    asked: Asked,
    formats: Sequence[str],
    output_file: Sequence[Path] | None,
    exit_zero: bool,
    no_cache: bool,
    cache_dir: Path | None,
    verbose: bool,
) -> None:
    """Check the networks and write the reports.

    Raises:
        typer.Exit: with the exit code.
        InputError, SpecError, UsageError: if what was asked is wrong.
    """
    started, nets = time.perf_counter(), asked.nets
    try:
        surroundings = surroundings_of(asked.memory, asked.clean_env)
        if len(nets) > 1 or folder_reference(nets[0]) is not None:
            from archcheck.cli.outputs import destinations
            from archcheck.cli.verify_many import Options, verify_many

            places = destinations(formats, output_file)
            store = open_cache(no_cache or asked.clean_env, cache_dir)
            options = Options(
                asked.spec(),
                places,
                asked.jobs,
                asked.timeout,
                surroundings,
                store,
                exit_zero,
                verbose,
                asked.quiet,
            )
            raise typer.Exit(verify_many(nets, asked.submitted, options))
        reference = parse_reference(nets[0], asked.load)
        store = open_cache(no_cache or asked.clean_env, cache_dir)
        # Unless the network is in the cache, a child imports torch while this process reads the
        # spec.
        with tracing(reference, store, verbose, surroundings) as child:
            from archcheck.cli.output import refuse_overwrite
            from archcheck.cli.outputs import deliver, destinations, repeatable
            from archcheck.cli.progress import progress_bar
            from archcheck.verification.verify import verify as verify_submission

            places = destinations(formats, output_file)
            spec = asked.spec()
            submission = asked.submitted(reference)
            script = submission.augmentation
            read = (reference.file, spec.file, submission.weights, script.file if script else None)
            refuse_overwrite([place.file for place in places], read)
            with progress_bar("images") as on_progress:
                report = verify_submission(
                    submission,
                    spec,
                    child,
                    timeout=asked.timeout,
                    started=started,
                    on_progress=on_progress,
                )
        (report,) = asked.quiet([report]) if asked.quiet is not None else [report]
        deliver([report], places)
    except typer.Exit:
        raise
    except Exception as error:
        from archcheck.cli.outputs import leave_unrun

        leave_unrun(error, nets[0], formats, output_file)
        raise
    code = 0 if report.passed or exit_zero else FAILED
    kept = None if verbose or asked.quiet is not None else store
    this_run.keep(kept, repeatable([report], places), code)
    raise typer.Exit(code)
