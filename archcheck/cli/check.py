"""``archcheck check``: all networks of a project, or those that some files affect."""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archcheck.cli.completions import words_of
from archcheck.cli.errors import UsageError, with_exit_codes
from archcheck.cli.parameters import (
    CacheDir,
    CleanEnv,
    ExitZero,
    Jobs,
    Memory,
    NoCache,
    OutputFiles,
    Skip,
    Verbose,
    at_least,
    one_of,
)
from archcheck.cli.streams import print_message
from archcheck.reporters.formats import ReportFormat

if TYPE_CHECKING:
    from archcheck.config.model import Config

TIMEOUT = 60.0


@with_exit_codes
def check(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE",
            help="Only the networks that these have to do with: their own files, their specs, "
            "what they import or read.",
            show_default=False,
        ),
    ] = None,
    config_file: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="The pyproject.toml; by default the closest one, from the working directory "
            "upward, that has [tool.archcheck].",
            show_default=False,
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout",
            metavar="SECONDS",
            parser=at_least(0.1, float),
            help=f"Give up a network that does not return; by default after {TIMEOUT:g}.",
            show_default=False,
        ),
    ] = None,
    jobs: Jobs = 1,
    memory: Memory = None,
    clean_env: CleanEnv = False,
    skip: Skip = None,
    output_format: Annotated[
        list[ReportFormat] | None,
        typer.Option(
            "--output-format",
            metavar="FORMAT",
            parser=one_of(ReportFormat),
            autocompletion=words_of(ReportFormat),
            help="brief (by itself), or one of those of verify. Several at once, each with its -o.",
            show_default=False,
        ),
    ] = None,
    output_file: OutputFiles = None,
    exit_zero: ExitZero = False,
    no_cache: NoCache = False,
    cache_dir: CacheDir = None,
    verbose: Verbose = False,
) -> None:
    """Check the networks that pyproject.toml maps to specs. Exit codes as those of verify."""
    from archcheck.cache.watch import watch
    from archcheck.cli.affected import Files
    from archcheck.cli.cached_trace import opened_store
    from archcheck.cli.options import surroundings_of
    from archcheck.cli.replay import this_run
    from archcheck.verification.mapping import mapped_networks

    config = _settings(config_file)
    data = os.environ.get("ARCHCHECK_DATA")
    networks = mapped_networks(config, Path(data) if data else None)
    if not networks:
        raise config.error(
            "no network is mapped to a spec: under [tool.archcheck.networks] write a line like "
            '"models/*.py" = "specs/net.yaml"'
        )
    surroundings = surroundings_of(memory or config.memory or None, clean_env or config.clean_env)
    uncached = no_cache or surroundings.clean_env
    store = None if uncached else opened_store(cache_dir or config.cache_dir)
    apart = this_run.names_files_apart(files or [])
    with watch.paused() if apart else nullcontext():  # each run checks these files anew
        named = Files(files) if files else None
        every = named is None or named.hold([str(config.file)])

    from archcheck.cli.baseline import quietened
    from archcheck.cli.check_runner import Specs, about_setting, affected_networks
    from archcheck.cli.many import Outcome, conclude, verify_all
    from archcheck.cli.output import refuse_overwrite
    from archcheck.cli.outputs import destinations, repeatable
    from archcheck.cli.sources import sources_of
    from archcheck.config.lint import lint_settings

    formats = [chosen.value for chosen in output_format or ()]
    places = destinations(formats or [_format(config)], output_file)
    sources = [file for n in networks for file in (n.file, n.spec, n.submission.weights)]
    refuse_overwrite([place.file for place in places], [config.file, *sources])
    lint = lint_settings(config)
    specs = Specs(_skipped(config, skip), lint.options if lint.check else None)
    outcome = Outcome()
    selected = networks
    if named is not None:
        errors = Outcome() if every else outcome  # every network is looked at again
        related = tuple(affected_networks(networks, named, specs, store, errors))
        selected = networks if every else related
        if named.missing():
            raise UsageError(f"there is no file {named.missing()}")
        print_message(named.remark())
    seconds = timeout or config.timeout or TIMEOUT
    verify_all(
        selected,
        specs.of,
        store,
        outcome,
        about=about_setting,
        jobs=jobs,
        timeout=seconds,
        surroundings=surroundings,
        verbose=verbose,
    )
    if lint.baseline is not None:
        rules = lint.options.chosen
        outcome.reports = quietened(outcome.reports, lint.baseline, rules, anew=False)
    code = conclude(outcome, places, exit_zero)
    if verbose or outcome.errors or lint.baseline is not None:
        raise typer.Exit(code)
    subject = tuple(map(networks.index, selected)) if apart and not every else None
    this_run.keep(store, repeatable(outcome.reports, places), code, subject)
    if apart:
        this_run.keep(store, repeatable([], places), 0, ())
        made_of = [sources_of(network, specs.of(network), store) for network in networks]
        this_run.keep_networks(store, config.file, made_of)
    raise typer.Exit(code)


def _settings(file: Path | None) -> Config:
    from archcheck.config.model import find_config, read_config

    if file is not None:
        return read_config(file)
    config = find_config()
    if config is None:
        raise UsageError(
            "no pyproject.toml from here upward has [tool.archcheck]; say which networks are held "
            'to which spec:\n\n[tool.archcheck.networks]\n"models/*.py" = "specs/net.yaml"'
        )
    return config


def _format(config: Config) -> str:
    name = config.output_format or ReportFormat.brief.value
    formats = [each.value for each in ReportFormat]
    if name not in formats:
        from archcheck.errors import closest

        hint = closest(name.replace("_", "-"), formats) or f"; there are {', '.join(formats)}"
        raise config.error(f'there is no format "{name}"{hint}', "output-format")
    return name


def _skipped(config: Config, skip_option: list[str] | None) -> list[str]:
    """The rules to skip: those of the command line, else those of the settings."""
    from archcheck.errors import closest
    from archcheck.lint import LINT
    from archcheck.rules import all_rules

    rules = (*all_rules(), LINT.name)
    for number, name in enumerate(skip_option or config.skip):
        if name not in rules:
            message = f'there is no rule "{name}"{closest(name.replace("_", "-"), list(rules))}'
            if skip_option:
                raise UsageError(f"--skip: {message}")
            raise config.error(f"skip: {message}", "skip", number)
    return list(skip_option or config.skip)
