"""``archcheck suggest``: edits after which a network holds to its spec."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import structs

from archcheck.cli.completions import words_of
from archcheck.cli.errors import FAILED, INTERRUPTED, UsageError, with_exit_codes
from archcheck.cli.parameters import (
    Arguments,
    CleanEnv,
    InputOption,
    Load,
    Memory,
    Net,
    OutputFile,
    Skip,
    SpecOption,
    Timeout,
    Train,
    at_least,
    one_of,
)
from archcheck.cli.streams import print_message

if TYPE_CHECKING:
    from archcheck.suggestions.suggest import Outcome
    from archcheck.worker.reference import Load as HowLoaded


class SuggestionFormat(StrEnum):
    """How suggestions are printed."""

    text = "text"
    json = "json"
    diff = "diff"


@with_exit_codes
def suggest(
    net: Net,
    spec: SpecOption,
    inputs: InputOption = None,
    arguments: Arguments = None,
    load: Load = None,
    train: Train = False,
    timeout: Timeout = 60.0,
    memory: Memory = None,
    clean_env: CleanEnv = False,
    skip: Skip = None,
    apply: Annotated[
        int | None,
        typer.Option(
            "--apply",
            metavar="N",
            parser=at_least(1, int),
            help="Write the N-th suggestion into the source.",
            show_default=False,
        ),
    ] = None,
    output_format: Annotated[
        SuggestionFormat,
        typer.Option(
            "--output-format",
            metavar="FORMAT",
            parser=one_of(SuggestionFormat),
            autocompletion=words_of(SuggestionFormat),
            help="text, json, or diff: the best suggestion alone.",
        ),
    ] = SuggestionFormat.text,
    output_file: OutputFile = None,
) -> None:
    """Search small edits of a network's source that make its spec hold.

    Each was traced and checked. Exit code 0: there are some, or nothing fails; 1: none was found.
    """
    from archcheck.cli.inputs import read_inputs
    from archcheck.cli.options import read_arguments, surroundings_of, without
    from archcheck.cli.output import refuse_overwrite, write_outcome, write_report
    from archcheck.cli.progress import progress_bar
    from archcheck.spec import load_spec
    from archcheck.suggestions.suggest import judged_by_the_network
    from archcheck.suggestions.suggest import suggest as search
    from archcheck.tracing.remote import editing_workers
    from archcheck.verification.folders import folder_reference, is_folder
    from archcheck.verification.found import verify_found
    from archcheck.verification.submission import Submission
    from archcheck.worker.reference import Reference, parse_reference

    with editing_workers(surroundings_of(memory, clean_env)) as workers:
        how: HowLoaded = load.value if load else ""
        submission = Submission(
            reference=folder_reference(net) or parse_reference(net),
            arguments=read_arguments(arguments),
            inputs=read_inputs(inputs),
            training=train,
        )
        submission = replace(submission, reference=structs.replace(submission.reference, load=how))
        loaded_spec = without(load_spec(spec), skip or [])
        refuse_overwrite([output_file], [submission.reference.file, loaded_spec.file])
        looked_at, _ = judged_by_the_network(loaded_spec)
        report, _ = verify_found(submission, looked_at, None, workers.start, timeout=timeout)
        if report.network is None:
            write_report(report, "json" if output_format == "json" else "full", output_file)
            raise typer.Exit(FAILED)
        if is_folder(submission.reference):
            found = Reference(report.file, "", report.name, how)
            submission = replace(submission, reference=found)
        with progress_bar("edits") as on_progress:
            outcome = search(submission, loaded_spec, report, workers.start, timeout, on_progress)
    write_outcome(outcome, output_format.value, output_file)
    if outcome.interrupted:
        raise typer.Exit(INTERRUPTED)
    if apply is not None and not outcome.holds:
        _apply(outcome, apply)
    raise typer.Exit(0 if outcome.holds or outcome.suggestions else FAILED)


def _apply(outcome: Outcome, number: int) -> None:
    """Write a suggestion into its files.

    Raises:
        UsageError: if there is no such suggestion.
        FileError: if a file has changed meanwhile, or cannot be written.
    """
    from archcheck.phrases import how_many
    from archcheck.suggestions.files import write
    from archcheck.worker.reference import near

    if not 0 < number <= len(outcome.suggestions):
        there = how_many(len(outcome.suggestions), "suggestion")
        raise UsageError(f"--apply {number}: there is no such suggestion ({there})")
    suggestion = outcome.suggestions[number - 1]
    write(suggestion.read, suggestion.contents)
    print_message(f"applied {number}: {', '.join(map(near, suggestion.contents))}\n")
