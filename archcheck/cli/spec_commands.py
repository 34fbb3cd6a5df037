"""``archcheck spec``: checking specs alone, and writing one from a network."""

from __future__ import annotations

import time
from enum import Enum
from typing import Annotated

import typer

from archcheck.cli.errors import BROKEN, FAILED, UsageError, guarded
from archcheck.cli.parameters import (
    Arguments,
    CacheDir,
    InputShape,
    Net,
    NoCache,
    OutputFile,
    Timeout,
    Train,
    Verbose,
)

spec_app = typer.Typer(
    name="spec",
    help="Check specs alone, or write one from a network.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class CheckFormat(str, Enum):
    """How ``spec check`` reports."""

    full = "full"
    concise = "concise"
    json = "json"


@spec_app.command("check")
@guarded
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
        CheckFormat, typer.Option("--output-format", help="full, concise or json.")
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
@guarded
def init(
    net: Net,
    input_shape: InputShape = None,
    arguments: Arguments = None,
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
    started = time.perf_counter()
    from archcheck.cli.tracing import tracing
    from archcheck.tracing.reference import parse_reference

    reference = parse_reference(net)
    if output_file is not None and output_file.is_file() and not force:
        raise UsageError(f"{output_file} is already there; --force overwrites it")
    with tracing(reference, no_cache, cache_dir, verbose) as child:
        from archcheck.api import report_on
        from archcheck.cli.options import read_arguments, read_shapes
        from archcheck.cli.output import say, say_failure, write_file
        from archcheck.network import Network
        from archcheck.reporters.words import path
        from archcheck.spec import Spec
        from archcheck.spec.guard import guard_spec

        shapes = read_shapes(input_shape)
        if shapes is None:
            raise UsageError("say the input's shape without the batch: --input 3,32,32")
        given = read_arguments(arguments)
        found = child.trace(shapes, given, training=train, timeout=timeout)
    if not isinstance(found, Network):
        say_failure(report_on(found, Spec((), tuple(shapes)), reference, started))
        raise typer.Exit(FAILED)
    file = path(reference.file) or reference.module
    text = guard_spec(found, source=f"{file}:{found.name}", arguments=given)
    if output_file is None:
        say(text)
    else:
        write_file(output_file, text)
