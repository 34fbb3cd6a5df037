"""``archcheck spec``: listing, showing and checking specs, and writing one from a network."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from archcheck.cli.completions import spec_names, words_of
from archcheck.cli.errors import BROKEN, FAILED, UsageError, with_exit_codes
from archcheck.cli.parameters import (
    Arguments,
    CacheDir,
    InputOption,
    Load,
    Net,
    NoCache,
    OutputFile,
    TableFormat,
    TableFormatOption,
    Timeout,
    Train,
    Verbose,
    one_of,
)

spec_app = typer.Typer(
    name="spec",
    help="List, show and check specs, or write one from a network.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class CheckFormat(StrEnum):
    """How ``spec check`` reports."""

    full = "full"
    concise = "concise"
    json = "json"


@spec_app.command("list")
@with_exit_codes
def list_shipped(output_format: TableFormatOption = TableFormat.text) -> None:
    """List the specs that come with archcheck, and what they ask."""
    from archcheck.cli.output import write_shipped
    from archcheck.shipped_specs import shipped_specs
    from archcheck.spec import load_spec

    write_shipped({name: load_spec(name) for name in shipped_specs()}, output_format.value)


@spec_app.command("show")
@with_exit_codes
def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="SPEC",
            help="A spec: a file, or the name of a shipped one.",
            autocompletion=spec_names,
        ),
    ],
    resolved: Annotated[
        bool, typer.Option("--resolved", help="With all that it extends, as one spec.")
    ] = False,
) -> None:
    """Print a spec as it is written."""
    from archcheck.cli.streams import print_text
    from archcheck.plain_text import plain
    from archcheck.spec import spec_text

    print_text(plain(spec_text(name, resolved=resolved)))


@spec_app.command("check")
@with_exit_codes
def check(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...",
            help="Specs: files (YAML or JSON) or names of shipped ones.",
            show_default=False,
        ),
    ],
    output_format: Annotated[
        CheckFormat,
        typer.Option(
            "--output-format",
            metavar="FORMAT",
            parser=one_of(CheckFormat),
            autocompletion=words_of(CheckFormat),
            help="full, concise or json.",
        ),
    ] = CheckFormat.full,
    output_file: OutputFile = None,
) -> None:
    """Tell everything that is wrong with specs. Exit code 0: all are valid; 2: some are not."""
    from archcheck.cli.output import write_examined
    from archcheck.spec import examine_spec

    examined = [(file, *examine_spec(file)) for file in files]
    write_examined(examined, output_format.value, output_file)
    if any(errors for _, _, errors in examined):
        raise typer.Exit(BROKEN)


@spec_app.command("init")
@with_exit_codes
def init(
    net: Net,
    inputs: InputOption = None,
    arguments: Arguments = None,
    load: Load = None,
    train: Train = False,
    timeout: Timeout = 60.0,
    output_file: OutputFile = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite a file that is already there.")
    ] = False,
    no_cache: NoCache = False,
    cache_dir: CacheDir = None,
    verbose: Verbose = False,
) -> None:
    """Write a spec from a network: its budgets as they are, as a guard against regressions."""
    from archcheck.cli.cached_trace import named_network, open_cache, trace_alone

    if output_file is not None and output_file.is_file() and not force:
        raise UsageError(f"{output_file} is already there; --force overwrites it")
    store = open_cache(no_cache, cache_dir)
    reference = named_network(
        net, inputs, arguments, load=load, train=train, timeout=timeout, store=store
    )
    traced = trace_alone(
        reference,
        inputs,
        arguments,
        train=train,
        timeout=timeout,
        store=store,
        verbose=verbose,
    )
    from archcheck.cli.options import read_arguments
    from archcheck.cli.output import print_failure, write_file
    from archcheck.cli.streams import print_text
    from archcheck.reporters.formatting import path
    from archcheck.spec import Report
    from archcheck.spec.baseline import baseline_spec

    if isinstance(traced, Report):
        print_failure(traced)
        raise typer.Exit(FAILED)
    source = f"{path(reference.file) or reference.module}:{traced.name}"
    text = baseline_spec(traced, source=source, arguments=read_arguments(arguments))
    if output_file is None:
        print_text(text)
    else:
        write_file(output_file, text)
