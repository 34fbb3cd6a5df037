"""The command ``rf``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from archcheck.cli.errors import FAILED, UsageError, with_exit_codes
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
    at_least,
)

if TYPE_CHECKING:
    from archcheck.spec import Report


@with_exit_codes
def rf(
    net: Net,
    inputs_given: InputOption = None,
    at: Annotated[
        str,
        typer.Option(
            "--at", metavar="POINT", help="Where: features, output or the path of a module."
        ),
    ] = "features",
    unit: Annotated[
        str | None,
        typer.Option(
            "--unit",
            metavar="INDEX",
            help="Which unit of the map there, like 3,4; the one in the middle by default.",
            show_default=False,
        ),
    ] = None,
    arguments: Arguments = None,
    load: Load = None,
    train: Train = False,
    timeout: Timeout = 60.0,
    output_format: TableFormatOption = TableFormat.text,
    output_file: OutputFile = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            "--plot",
            metavar="FILE",
            help="Draw the unit's field and its growth over the layers (.svg, .png or .pdf).",
            show_default=False,
        ),
    ] = None,
    effective: Annotated[
        bool,
        typer.Option(
            "--effective", help="Measure the effective receptive field by gradients as well."
        ),
    ] = False,
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            metavar="FILE",
            help="The checkpoint that gradients are taken with; random initial weights without.",
            show_default=False,
        ),
    ] = None,
    samples: Annotated[
        int,
        typer.Option(
            "--samples",
            metavar="N",
            parser=at_least(1, int),
            help="How many random inputs gradients average.",
        ),
    ] = 16,
    no_cache: NoCache = False,
    cache_dir: CacheDir = None,
    verbose: Verbose = False,
) -> None:
    """Print the receptive field at a location, and exactly what one unit there reads."""
    started = time.perf_counter()
    from archcheck.cli.cached_trace import (
        NO_SHAPE,
        named_network,
        open_cache,
        report_without_spec,
        tracing,
    )
    from archcheck.cli.replay import this_run

    store = open_cache(no_cache, cache_dir)
    reference = named_network(
        net, inputs_given, arguments, load=load, train=train, timeout=timeout, store=store
    )
    with tracing(reference, store, verbose) as child:
        from archcheck.cli.fields import field_at, measure, probe_of
        from archcheck.cli.inputs import read_inputs
        from archcheck.cli.options import read_arguments, read_plot, read_unit
        from archcheck.cli.output import refuse_overwrite, write_field, write_plot
        from archcheck.fields.explain.summary import Summary
        from archcheck.network import Network
        from archcheck.verification.several import trace
        from archcheck.worker.failures import Failure

        inputs = read_inputs(inputs_given)
        if inputs is None:
            raise UsageError(NO_SHAPE)
        index = read_unit(unit)
        picture_format = read_plot(plot)
        if weights is not None and not effective:
            raise UsageError("--weights says whose gradients are taken: add --effective")
        if train and effective:
            raise UsageError("gradients are taken in eval mode: leave out --train or --effective")
        refuse_overwrite([output_file], [reference.file, weights])
        refuse_overwrite([plot], [reference.file, weights], "--plot")
        constructor_arguments = read_arguments(arguments)
        traced = trace(child, inputs, constructor_arguments, training=train, timeout=timeout)
    if not isinstance(traced, Network):
        report = report_without_spec(traced, inputs, reference, started)
        not_run(report, output_format, output_file)
    summary = field_at(traced, at, index)
    if effective and isinstance(summary, Summary):
        probe = probe_of(summary, samples, weights)
        measured = measure(
            summary, reference, traced.given, constructor_arguments, probe, weights, timeout
        )
        if isinstance(measured, Failure):
            report = report_without_spec(measured, inputs, reference, started)
            not_run(report, output_format, output_file)
        summary = measured
    if picture_format and plot is not None and not isinstance(summary, Exception):
        write_plot(summary, picture_format, plot)
    text = write_field(traced, summary, at, output_format.value, output_file)
    code = FAILED if isinstance(summary, Exception) else 0
    this_run.keep(None if verbose else store, text, code)
    raise typer.Exit(code)


def not_run(report: Report, output_format: TableFormat, file: Path | None) -> NoReturn:
    """Write the report on a network that could not be run, as ``verify`` does, and exit."""
    from archcheck.cli.output import write_report

    write_report(report, "full" if output_format is TableFormat.text else "json", file)
    raise typer.Exit(FAILED)
