"""``archcheck lint``: what is wrong with networks whatever they are meant for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec import structs

from archcheck.cli.completions import lint_rule_names
from archcheck.cli.errors import UsageError, with_exit_codes
from archcheck.cli.parameters import (
    Arguments,
    CacheDir,
    CleanEnv,
    ExitZero,
    InputOption,
    Jobs,
    Load,
    Memory,
    Nets,
    NoCache,
    OutputFiles,
    ReportFormats,
    Timeout,
    Verbose,
)

if TYPE_CHECKING:
    from archcheck.config.model import Config
    from archcheck.lint import LintOptions
    from archcheck.spec import Report, Spec
    from archcheck.verification.submission import Submission
    from archcheck.worker.reference import Load as HowLoaded
    from archcheck.worker.reference import Reference

Rules = list[str] | None


@with_exit_codes
def lint(
    nets: Nets,
    inputs: InputOption = None,
    arguments: Arguments = None,
    select: Annotated[
        Rules,
        typer.Option(
            "--select",
            metavar="RULE",
            help="Only these rules; all are `all`, with those that only inform. Several may be "
            "given, with commas too.",
            show_default=False,
            autocompletion=lint_rule_names,
        ),
    ] = None,
    ignore: Annotated[
        Rules,
        typer.Option(
            "--ignore",
            metavar="RULE",
            help="Leave rules out.",
            show_default=False,
            autocompletion=lint_rule_names,
        ),
    ] = None,
    loss: Annotated[
        str | None,
        typer.Option(
            "--loss",
            metavar="LOSS",
            help="The loss that the network is trained with, like cross-entropy.",
            show_default=False,
        ),
    ] = None,
    no_ignores: Annotated[
        bool,
        typer.Option(
            "--no-ignores",
            help="Comments in the sources, # archcheck: ignore[rule], suppress nothing.",
        ),
    ] = False,
    baseline: Annotated[
        Path | None,
        typer.Option(
            "--baseline",
            metavar="FILE",
            help="The file of the findings that are known: they are not told. What is found no "
            "longer is taken out of it.",
            show_default=False,
        ),
    ] = None,
    write_baseline: Annotated[
        bool,
        typer.Option("--write-baseline", help="Write all that is found into the baseline."),
    ] = False,
    load: Load = None,
    timeout: Timeout = 60.0,
    jobs: Jobs = 1,
    memory: Memory = None,
    clean_env: CleanEnv = False,
    output_format: ReportFormats = None,
    output_file: OutputFiles = None,
    exit_zero: ExitZero = False,
    no_cache: NoCache = False,
    cache_dir: CacheDir = None,
    verbose: Verbose = False,
) -> None:
    """Find faults that networks have whatever they are meant for: a view that mixes samples, a
    layer that is never trained. Exit code 0: no error; 1: some.

    `archcheck rules` lists the rules; [tool.archcheck.lint] in pyproject.toml has the settings.
    """
    from archcheck.cli.verifying import Asked, verify_networks
    from archcheck.config.model import find_config

    how: HowLoaded = load.value if load else ""
    config = find_config()
    known = _baseline(baseline, config)
    if write_baseline and known is None:
        raise UsageError("--write-baseline: say which file: --baseline FILE")

    def options() -> LintOptions:
        from archcheck.config.lint import lint_settings

        usual = lint_settings(config).options
        return _options(usual, select, ignore, loss, no_ignores)

    def spec() -> Spec:
        from archcheck.spec import Spec, linted

        return linted(Spec(()), options())

    def quiet(reports: list[Report]) -> list[Report]:
        from archcheck.cli.baseline import quietened

        assert known is not None
        return quietened(reports, known, options().chosen, anew=write_baseline)

    def submitted(reference: Reference) -> Submission:
        from archcheck.cli.cached_trace import NO_SHAPE
        from archcheck.cli.inputs import read_inputs
        from archcheck.cli.options import read_arguments
        from archcheck.verification.submission import Submission

        given = read_inputs(inputs)
        if given is None:
            raise UsageError(NO_SHAPE)
        return Submission(
            reference=structs.replace(reference, load=how),
            arguments=read_arguments(arguments),
            inputs=given,
        )

    asked = Asked(
        nets,
        spec,
        submitted,
        how,
        timeout,
        jobs,
        memory,
        clean_env,
        quiet if known is not None else None,
    )
    formats = [chosen.value for chosen in output_format or ()]
    verify_networks(asked, formats, output_file, exit_zero, no_cache, cache_dir, verbose)


def _baseline(option: Path | None, config: Config | None) -> Path | None:
    """The file of the findings that are known: of the command line, else of the settings."""
    if option is not None or config is None or not config.lint:
        return option
    from archcheck.config.lint import lint_settings

    return lint_settings(config).baseline


def _options(
    usual: LintOptions,
    select: Sequence[str] | None,
    ignore: Sequence[str] | None,
    loss: str | None,
    no_ignores: bool,
) -> LintOptions:
    """What is asked of the lint: what the command line says, over the settings.

    Raises:
        UsageError: if there is no such rule or loss.
    """
    from pydantic import ValidationError

    from archcheck.lint import LintOptions
    from archcheck.lint.options import reason_of

    said = {"select": _names(select), "ignore": _names(ignore), "loss": loss}
    given: dict[str, Any] = {key: value for key, value in said.items() if value is not None}
    if no_ignores:
        given["ignores"] = False
    try:
        return LintOptions.model_validate({**usual.model_dump(exclude_unset=True), **given})
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"--{first['loc'][0]}: {reason_of(first)}") from None


def _names(words: Sequence[str] | None) -> list[str] | None:
    if not words:
        return None
    return [name.strip() for word in words for name in word.split(",") if name.strip()]
